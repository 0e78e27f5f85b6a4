"""What an ordinary token gets from the running server: decisions without scores, and alike for claims of nobody."""

from typing import Any

import aiohttp
import msgspec
import pytest
from support.recordings import pcm, wav
from support.talking import Client, Takes, said, with_server

from voiceprint.api import messages
from voiceprint.api.budgets import REJECTIONS_IN_ALL
from voiceprint.api.messages import Error, Hello, Result, SpeakerRef, Start, Stop, Unlocked
from voiceprint.audio.decoding import Waveform
from voiceprint.domain.caller import Caller
from voiceprint.server.context import CONTEXT
from voiceprint.service.service import VoiceprintService
from voiceprint.storage import audit
from voiceprint.storage.tokens import add_token, list_tokens

NOBODY = "0" * 32


@pytest.fixture
def ada(service: VoiceprintService, takes: Takes) -> SpeakerRef:
    first = next(iter(takes.values()))
    stored = service.enroll_new("Ada", [service.admit(service.listen(take)) for take in first[:2]]).speaker
    return SpeakerRef(id=stored.id, name=stored.name)


@pytest.fixture
def ordinary(service: VoiceprintService) -> dict[str, Any]:
    token, _ = add_token(service.store, "door", ["identify"])
    return {"headers": {"Authorization": f"Bearer {token}"}}


def without_latency(answer: messages.ServerMessage) -> Result:
    assert isinstance(answer, Result)
    return msgspec.structs.replace(answer, latency_ms=0.0)


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_an_ordinary_token_gets_decisions_and_no_scores(
    service: VoiceprintService, takes: Takes, ada: SpeakerRef, ordinary: dict[str, Any]
) -> None:
    own, other = next(iter(takes.values()))[2], list(takes.values())[1][0]

    async def talk(client: Client) -> None:
        named = without_latency(await said(await client.post("/v1/identify", data=wav(own), **ordinary)))
        assert (named.status, named.speaker, named.band) == ("identified", ada, "above")
        stranger = without_latency(await said(await client.post("/v1/identify", data=wav(other), **ordinary)))
        assert (stranger.status, stranger.speaker, stranger.band) == ("unknown", None, "below")
        for answer in (named, stranger):
            numbers = (answer.score, answer.threshold, answer.margin, answer.probability, answer.candidates)
            assert numbers == (None, None, None, None, ())
            assert not any(letter.isdigit() for letter in answer.rule)
        path = f"/v1/verify?speaker={ada.id}"
        accepted = without_latency(await said(await client.post(path, data=wav(own), **ordinary)))
        assert (accepted.status, accepted.speaker, accepted.claimed_speaker) == ("accepted", ada, ada)

    with_server(service, talk)


@pytest.mark.usefixtures("speech_dev")
def test_a_claim_of_nobody_is_answered_like_a_wrong_one(
    service: VoiceprintService, takes: Takes, ada: SpeakerRef, ordinary: dict[str, Any]
) -> None:
    voice = list(takes.values())[1][0]
    stranger, little = wav(voice), wav(Waveform(voice.samples[:12_000]))

    async def talk(client: Client) -> None:
        for clip, status in ((stranger, "rejected"), (little, "not_enough_speech")):
            answers = [
                without_latency(await said(await client.post(f"/v1/verify?speaker={who}", data=clip, **ordinary)))
                for who in (ada.id, NOBODY)
            ]
            assert answers[0] == answers[1]
            assert answers[0].status == status

    with_server(service, talk)


@pytest.mark.usefixtures("speech_dev")
def test_wrong_claims_are_locked_for_known_and_unknown_alike(
    service: VoiceprintService, takes: Takes, ada: SpeakerRef, ordinary: dict[str, Any]
) -> None:
    seen: dict[str, list[tuple[int, bool]]] = {}

    async def talk(client: Client) -> None:
        stranger = wav(list(takes.values())[1][0])
        for who in (ada.id, NOBODY):
            for _ in range(6):
                answer = await client.post(f"/v1/verify?speaker={who}", data=stranger, **ordinary)
                seen.setdefault(who, []).append((answer.status, "Retry-After" in answer.headers))

    with_server(service, talk)
    assert seen[NOBODY] == [(200, False)] * 5 + [(429, True)]
    assert seen[ada.id] == seen[NOBODY]


def test_an_operator_unlocks_a_claim_of_somebody_and_of_nobody_alike(
    service: VoiceprintService, ada: SpeakerRef, ordinary: dict[str, Any]
) -> None:
    token, _ = add_token(service.store, "desk", ["operate"])
    operator: dict[str, Any] = {"headers": {"Authorization": f"Bearer {token}"}}
    door = next(one.id for one in list_tokens(service.store) if one.name == "door")

    async def talk(client: Client) -> None:
        desk = client.app[CONTEXT].desk
        for who in (ada.id, NOBODY):
            under_way = [desk.verify(Caller(door, frozenset({"identify"})), who) for _ in range(REJECTIONS_IN_ALL)]
            assert len(under_way) == REJECTIONS_IN_ALL
            path, lock = f"/v1/verify?speaker={who}", f"/v1/speakers/{who}/lock"
            refused = await client.post(path, data=b"no sound", **ordinary)
            assert "DELETE /v1/speakers/ID/lock" in (await refused.json())["error"]["message"]
            assert (await client.delete(lock, **ordinary)).status == 403
            unlocked = await said(await client.delete(lock, **operator))
            assert unlocked == Unlocked(id=who, rejections=REJECTIONS_IN_ALL)
            heard = await client.post(path, data=b"no sound", **ordinary)
            assert (await heard.json())["error"]["code"] == "not_audio"

    with_server(service, talk)
    lines = [line for line in audit.read(service.store) if line.event == "unlocked"]
    with service.store.reading() as rows:
        assert [line.subject for line in lines] == [rows.seals.pseudonym(who) for who in (ada.id, NOBODY)]


def test_a_stream_gives_one_answer_to_a_claim_and_then_waits(
    service: VoiceprintService, takes: Takes, ada: SpeakerRef, ordinary: dict[str, Any]
) -> None:
    async def claim(socket: aiohttp.ClientWebSocketResponse, audio: bytes) -> list[messages.ServerMessage]:
        start = Start(mode="verify", encoding="pcm_s16le", sample_rate=16_000, speaker=NOBODY)
        await socket.send_str(messages.encode(start))
        for at in range(0, len(audio), 32_000):
            await socket.send_bytes(audio[at : at + 32_000])
        await socket.send_str(messages.encode(Stop()))
        answers: list[messages.ServerMessage] = []
        while not answers:
            message = messages.decode_server(await socket.receive_str())
            answers += [message] if isinstance(message, Result | Error) else []
        return answers

    async def talk(client: Client) -> None:
        audio = pcm(list(takes.values())[1][0])[:160_000]
        token = ordinary["headers"]["Authorization"].removeprefix("Bearer ")
        async with client.ws_connect("/ws") as socket:
            await socket.send_str(messages.encode(Hello(version=1, token=token)))
            await socket.receive_str()
            answers = [(await claim(socket, audio))[0] for _ in range(6)]
        assert all(isinstance(answer, Result) and answer.final for answer in answers[:5])
        assert isinstance(answers[5], Error)
        assert answers[5].code == "claim_locked"

    with_server(service, talk)
