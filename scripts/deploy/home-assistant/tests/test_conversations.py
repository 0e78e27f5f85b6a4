"""Whole pipelines of Home Assistant: from the audio of a satellite to the agent of the person that spoke."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from homeassistant.components import conversation, stt
from homeassistant.components.assist_pipeline import async_pipeline_from_audio_stream
from homeassistant.components.assist_pipeline.const import DOMAIN as PIPELINES
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import intent
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.conftest import ADA, SAID, FakeServer, chunks

BEN = {"id": "b2", "name": "Ben"}
AUDIO = {"Ada": b"\1\0" * 16_000, "Ben": b"\2\0" * 16_000, "stranger": b"\3\0" * 16_000}
METADATA = stt.SpeechMetadata("en", stt.AudioFormats.WAV, stt.AudioCodecs.PCM, 16, 16000, 1)


class Agent(conversation.AbstractConversationAgent):
    supported_languages = "*"

    def __init__(self) -> None:
        self.asked: list[conversation.ConversationInput] = []

    async def async_process(self, user_input: conversation.ConversationInput) -> conversation.ConversationResult:
        self.asked.append(user_input)
        response = intent.IntentResponse(language="en")
        response.async_set_speech("done")
        return conversation.ConversationResult(response=response)


@pytest.fixture
def agents(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> dict[str, Agent]:
    """An agent by the id of its entry; ``home_agent`` stands for the own one."""
    made = {}
    monkeypatch.setattr("custom_components.voiceprint.agent.HOME_ASSISTANT_AGENT", "home_agent")
    for name in ("ada_agent", "ben_agent", "home_agent"):
        entry = MockConfigEntry(domain=name, entry_id=name)
        entry.add_to_hass(hass)
        made[name] = Agent()
        conversation.async_set_agent(hass, entry, made[name])
    return made


@pytest.fixture
async def pipeline(hass: HomeAssistant, load: Any, server: FakeServer, agents: dict[str, Agent]) -> Any:
    """Speaks into a pipeline of the wrapped recogniser and our agent; returns its events."""
    server.converse = by_first_sample
    hass.states.async_set("person.ada", "home", {"user_id": "user-of-ada"})
    hass.states.async_set("person.ben", "home", {})
    people, chosen = {"person.ada": "a1", "person.ben": "b2"}, {"person.ada": "ada_agent", "person.ben": "ben_agent"}
    hass.data["voiceprint test"] = entry = await load(server.url, people=people, agents=chosen)
    assert await async_setup_component(hass, PIPELINES, {})
    made = await hass.data[PIPELINES].pipeline_store.async_create_item(
        {
            "name": "test", "language": "en", "conversation_engine": entry.entry_id, "conversation_language": "en",
            "stt_engine": "stt.voiceprint_stub", "stt_language": "en",
            "tts_engine": None, "tts_language": None, "tts_voice": None,
            "wake_word_entity": None, "wake_word_id": None,
        }
    )  # fmt: skip

    async def speak(name: str) -> list[Any]:
        events: list[Any] = []
        await async_pipeline_from_audio_stream(
            hass,
            context=Context(),
            event_callback=events.append,
            stt_metadata=METADATA,
            stt_stream=chunks(AUDIO[name]),
            pipeline_id=made.id,
            end_stage="intent",
        )
        assert "error" not in [event.type for event in events], events
        return events

    return speak


async def by_first_sample(socket: web.WebSocketResponse) -> None:
    """The speaker that the first byte stands for, after a moment."""
    first = b""
    async for message in socket:
        first = first or (message.data if message.type is web.WSMsgType.BINARY else b"")
        if message.type is web.WSMsgType.TEXT and '"stop"' in message.data:
            await asyncio.sleep(0.05)
            speaker = {1: ADA, 2: BEN}.get(first[0])
            status = "unknown" if speaker is None else "identified"
            answer = {"type": "result", "final": True, "status": status, "speaker": speaker, "band": "above"}
            await socket.send_json(answer)


async def test_each_person_gets_the_agent_of_the_options(pipeline: Any, agents: dict[str, Agent]) -> None:
    await asyncio.gather(*(pipeline(name) for name in ("Ada", "Ben", "stranger", "Ada")))
    assert {name: len(agent.asked) for name, agent in agents.items()} == {
        "ada_agent": 2, "ben_agent": 1, "home_agent": 1,
    }  # fmt: skip
    assert {one.text for agent in agents.values() for one in agent.asked} == {SAID}


async def test_a_voice_sets_no_user_unless_told(hass: HomeAssistant, pipeline: Any, agents: dict[str, Agent]) -> None:
    entry = hass.data["voiceprint test"]
    await pipeline("Ada")
    hass.config_entries.async_update_entry(entry, options={**entry.options, "set_user": True})
    await hass.async_block_till_done()
    for name in ("Ada", "Ben", "stranger"):
        await pipeline(name)
    users = [one.context.user_id for agent in agents.values() for one in agent.asked]
    assert users == [None, "user-of-ada", None, None]


async def test_a_typed_sentence_has_no_speaker(hass: HomeAssistant, pipeline: Any, agents: dict[str, Agent]) -> None:
    await pipeline("Ada")
    agent_id = hass.data["voiceprint test"].entry_id
    await conversation.async_converse(hass, "typed", None, Context(), agent_id=agent_id)
    assert [one.text for one in agents["home_agent"].asked] == ["typed"]


async def test_sentences_of_an_enrollment_are_no_commands(
    hass: HomeAssistant, pipeline: Any, agents: dict[str, Agent], server: FakeServer
) -> None:
    given = {"name": "Ben", "purpose": "commands"}
    task = hass.async_create_task(hass.services.async_call("voiceprint", "enroll", given, blocking=True))
    await asyncio.sleep(0.05)
    said = [
        event.data["intent_output"]["response"]["speech"]["plain"]["speech"]
        for _ in range(3)
        for event in await pipeline("stranger")
        if event.type == "intent-end"
    ]
    await task
    assert [sentence.partition(". ")[2] for sentence in said[:2]] == ["2 more, please.", "1 more, please."]
    assert len(server.forms) == 1
    assert sum(len(agent.asked) for agent in agents.values()) == 0
