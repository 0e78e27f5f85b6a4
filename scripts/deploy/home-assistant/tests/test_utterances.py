"""The wrapped recogniser's text, and the speaker beside it, whatever the server does."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from homeassistant.components import stt
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import async_capture_events

from tests.conftest import SAID, FakeServer, Recogniser, spoken

AUDIO = bytes(range(256)) * 250
SENSOR = "sensor.voiceprint_speaker"
UNCHANGED = stt.SpeechResult(SAID, stt.SpeechResultState.SUCCESS)


async def test_the_text_stays_and_the_speaker_is_told(hass: HomeAssistant, load: Any, server: FakeServer) -> None:
    events = async_capture_events(hass, "voiceprint_speaker")
    entry = await load(server.url, people={"person.ada": "a1"})
    recogniser = stt.async_get_speech_to_text_entity(hass, "stt.stub")
    assert await spoken(hass, AUDIO) == UNCHANGED
    assert recogniser.heard == [AUDIO] == [server.audio]
    told = {"status": "identified", "id": "a1", "name": "Ada", "band": "above", "person": "person.ada"}
    assert [event.data for event in events] == [{"entry_id": entry.entry_id, **told}]
    state = hass.states.get(SENSOR)
    assert (state.state, state.attributes["person"], state.attributes["status"]) == ("Ada", "person.ada", "identified")
    assert "score" not in str(events) + str(state.attributes)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert hass.states.get(SENSOR).state == "unavailable"


async def test_a_stranger_has_no_name(hass: HomeAssistant, load: Any, server: FakeServer) -> None:
    async def stranger(socket: web.WebSocketResponse) -> None:
        await server.answer(socket, status="unknown", speaker=None, band="below")

    server.converse = stranger
    await load(server.url, people={"person.ada": "a1"})
    assert await spoken(hass, AUDIO) == UNCHANGED
    assert (hass.states.get(SENSOR).state, hass.states.get(SENSOR).attributes["person"]) == ("unknown", None)


async def dropped(socket: web.WebSocketResponse) -> None:
    await socket.receive()
    await socket.close()


async def cut(socket: web.WebSocketResponse) -> None:
    await socket.receive()
    assert socket._req is not None
    assert socket._req.transport is not None
    socket._req.transport.abort()


async def silent(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


async def garbage(socket: web.WebSocketResponse) -> None:
    await socket.send_str("no json")
    await silent(socket)


async def bytes_only(socket: web.WebSocketResponse) -> None:
    await socket.send_bytes(b"\0")
    await silent(socket)


async def another_protocol(socket: web.WebSocketResponse) -> None:
    await socket.send_json([1, 2])
    await silent(socket)


async def half_an_answer(socket: web.WebSocketResponse) -> None:
    await socket.send_json({"type": "result", "final": True})
    await silent(socket)


async def refused(socket: web.WebSocketResponse) -> None:
    await socket.send_json({"type": "error", "code": "too_many_streams", "message": "Later."})


@pytest.mark.parametrize(
    "converse", [dropped, cut, silent, garbage, bytes_only, another_protocol, half_an_answer, refused]
)
async def test_a_bad_server_takes_nothing_from_the_text(
    hass: HomeAssistant, load: Any, server: FakeServer, converse: Any
) -> None:
    good, server.converse = server.converse, converse
    await load(server.url, patience=0.3)
    assert await spoken(hass, AUDIO) == UNCHANGED
    assert hass.states.get(SENSOR).state == "unavailable"
    server.converse = good
    assert await spoken(hass, AUDIO) == UNCHANGED
    assert hass.states.get(SENSOR).state == "Ada"


async def test_no_server_takes_nothing_from_the_text(hass: HomeAssistant, load: Any) -> None:
    await load("http://127.0.0.1:9")
    assert await spoken(hass, AUDIO) == UNCHANGED
    assert hass.states.get(SENSOR).state == "unavailable"


async def test_a_token_that_is_refused_is_asked_for_again(hass: HomeAssistant, load: Any, server: FakeServer) -> None:
    server.token = "right"
    entry = await load(server.url, token="wrong")
    assert await spoken(hass, AUDIO) == UNCHANGED
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == "reauth"
    again = await hass.config_entries.flow.async_configure(flow["flow_id"], {"token": "worse"})
    assert again["errors"] == {"base": "invalid_auth"}
    done = await hass.config_entries.flow.async_configure(flow["flow_id"], {"token": "right"})
    assert (done["reason"], entry.data["token"]) == ("reauth_successful", "right")
    await hass.async_block_till_done()
    assert await spoken(hass, AUDIO) == UNCHANGED
    assert hass.states.get(SENSOR).state == "Ada"


@pytest.mark.parametrize("said", [None, ""])
async def test_a_recogniser_that_fails_is_no_utterance(
    hass: HomeAssistant, load: Any, server: FakeServer, recogniser: Recogniser, said: str | None
) -> None:
    recogniser.said, recogniser.ends = said, stt.SpeechResultState.ERROR
    await load(server.url)
    assert await spoken(hass, AUDIO) == stt.SpeechResult(said, stt.SpeechResultState.ERROR)
    assert hass.states.get(SENSOR).state == "unknown"


async def test_a_missing_recogniser_is_an_error_and_no_crash(
    hass: HomeAssistant, load: Any, server: FakeServer
) -> None:
    await load(server.url)
    await hass.data["stt"].async_remove_entity("stt.stub")
    entity = stt.async_get_speech_to_text_entity(hass, "stt.voiceprint_stub")
    assert entity.supported_languages == []
    result = await entity.async_process_audio_stream(None, None)
    assert result.result is stt.SpeechResultState.ERROR


async def enrolling(hass: HomeAssistant) -> "asyncio.Task[Any]":
    given = {"name": "Ben", "purpose": "commands"}
    task = hass.async_create_task(
        hass.services.async_call("voiceprint", "enroll", given, blocking=True, return_response=True)
    )
    await asyncio.sleep(0.05)
    return task


async def test_three_sentences_enroll(
    hass: HomeAssistant, load: Any, server: FakeServer, recogniser: Recogniser
) -> None:
    await load(server.url)
    task = await enrolling(hass)
    with pytest.raises(HomeAssistantError, match="under way"):
        await (await enrolling(hass))
    for number in range(3):
        assert not task.done()
        recogniser.said = ""  # a cough
        await spoken_while(hass, bytes(640))
        recogniser.said = SAID
        assert await spoken_while(hass, AUDIO[: 6400 * (number + 1)]) == UNCHANGED
    assert await task == {"speaker_id": "b2", "name": "Ben"}
    (form,) = server.forms
    assert (form["name"], json.loads(form["consent"][0])) == ([b"Ben"], {"purpose": "commands"})
    assert [one[44:] for one in form["audio"]] == [AUDIO[: 6400 * number] for number in (1, 2, 3)]
    assert await spoken(hass, AUDIO) == UNCHANGED
    assert len(server.forms) == 1


async def spoken_while(hass: HomeAssistant, audio: bytes) -> stt.SpeechResult:
    """As ``spoken``, without waiting for the service that waits for the sentences."""
    entity = stt.async_get_speech_to_text_entity(hass, "stt.voiceprint_stub")

    async def once() -> Any:
        yield audio

    result: stt.SpeechResult = await entity.async_process_audio_stream(None, once())
    await asyncio.sleep(0.02)
    return result


async def test_a_refused_enrollment_is_one_sentence_and_the_next_one_begins_anew(
    hass: HomeAssistant, load: Any, server: FakeServer
) -> None:
    await load(server.url)
    server.refuses = {"code": "too_short", "message": "Too little speech."}
    task = await enrolling(hass)
    for _ in range(3):
        await spoken_while(hass, AUDIO)
    with pytest.raises(HomeAssistantError, match="Too little speech"):
        await task
    server.refuses = None
    task = await enrolling(hass)
    for _ in range(3):
        await spoken_while(hass, AUDIO)
    assert (await task)["name"] == "Ben"
