"""Recordings as jobs over REST: progress, timeline, naming a voice and taking it back, and what is refused."""

import asyncio
import math
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any, get_args

import aiohttp
import msgspec
import numpy as np
import pytest
from support.loudness import LoudnessSegmentation
from support.recordings import wav
from support.talking import Client, Takes, enroll, with_server

from voiceprint.api.recording_desk import MOST_OF_ONE
from voiceprint.api.recording_messages import RecordingJob, RecordingList
from voiceprint.audio.decoding import SAMPLE_RATE, Waveform
from voiceprint.domain.caller import Caller, Scope
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.tokens import add_token

CONSENT = {"purpose": "names in the minutes"}


def meeting(takes: Takes) -> Waveform:
    """Two people in turn, three turns each."""
    one, other = (takes[voice] for voice in list(takes)[:2])
    pause = np.zeros(SAMPLE_RATE, np.float32)
    order = [one[2], other[2], one[3], other[3], one[2], other[2]]
    return Waveform(np.concatenate([part for take in order for part in (take.samples[: 6 * SAMPLE_RATE], pause)]))


async def ended(client: Client, job: RecordingJob) -> RecordingJob:
    while job.state in ("waiting", "running"):
        await asyncio.sleep(0.05)
        job = await told(client.get(f"/v1/recordings/{job.id}"))
    return job


async def told(asked: Any, status: int = 200) -> RecordingJob:
    response: aiohttp.ClientResponse = await asked
    assert response.status == status, await response.text()
    return msgspec.json.decode(await response.read(), type=RecordingJob)


async def refused(asked: Any) -> tuple[int, str]:
    response: aiohttp.ClientResponse = await asked
    return response.status, (await response.json())["error"]["code"]


@pytest.fixture
def known(service: VoiceprintService) -> VoiceprintService:
    service.segmentation = LoudnessSegmentation()  # type: ignore[assignment]  # no weights are needed for this
    return service


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_a_stranger_of_a_recording_is_named_known_from_then_on_and_taken_back(
    known: VoiceprintService, takes: Takes
) -> None:
    async def talk(client: Client) -> None:
        ada = await enroll(client, "Ada", *takes[next(iter(takes))][:2])
        job = await ended(client, await told(client.post("/v1/recordings", data=BytesIO(wav(meeting(takes)))), 202))
        assert job.state == "done"
        assert job.timeline is not None
        assert job.audio_seconds == pytest.approx(meeting(takes).seconds, abs=0.1)
        assert {turn.label for turn in job.timeline.turns} == {"Ada", "Unknown 1"}
        stranger = next(voice for voice in job.timeline.voices if voice.speaker is None)
        assert stranger.nameable
        path = f"/v1/recordings/{job.id}"

        named = await told(client.post(f"{path}/voices/{stranger.voice}", json={"name": "Ben", "consent": CONSENT}))
        assert named.timeline is not None
        assert named.changes == 1
        assert {turn.label for turn in named.timeline.turns} == {"Ada", "Ben"}
        assert {turn.corrected for turn in named.timeline.turns if turn.label == "Ben"} == {True}
        again = await ended(client, await told(client.post("/v1/recordings", data=BytesIO(wav(meeting(takes)))), 202))
        assert again.timeline is not None
        assert {turn.label for turn in again.timeline.turns} == {"Ada", "Ben"}

        exported = await (await client.get(f"{path}/timeline?format=srt")).text()
        assert "Ben" in exported
        assert "-->" in exported
        srt = b"1\r\n00:00:00,500 --> 00:00:03,000\r\nhello\r\n"
        labelled = await client.post(f"{path}/transcript?format=srt", data=srt)
        assert await labelled.read() == srt.replace(b"hello", f"{named.timeline.turns[0].label}: hello".encode())
        ours = next(voice for voice in named.timeline.voices if voice.label == "Ada")
        wrong = await told(client.post(f"{path}/voices/{ours.voice}", json={"learn": False}))
        assert wrong.timeline is not None
        assert {turn.status for turn in wrong.timeline.turns if turn.voice == ours.voice} == {"unknown"}
        back = await told(client.post(f"{path}/undo"))
        assert back.timeline is not None
        assert {turn.label for turn in back.timeline.turns} == {"Ada", "Ben"}
        before = await told(client.post(f"{path}/undo"))
        assert before.timeline is not None
        assert {turn.label for turn in before.timeline.turns} == {"Ada", "Unknown 1"}
        assert [speaker.name for speaker in known.speakers()] == ["Ada"]
        assert await refused(client.post(f"{path}/undo")) == (409, "nothing_to_undo")

        # What is known already is not learnt again, and a stranger is not taken for somebody else.
        same = {"speaker": ada.speaker.id}
        assert await refused(client.post(f"{path}/voices/{ours.voice}", json=same)) == (409, "already_named")
        assert await refused(client.post(f"{path}/voices/{stranger.voice}", json=same)) == (422, "not_this_speaker")
        assert len(known.speaker(ada.speaker.id).enrollments) == 2

    with_server(known, talk)


def test_the_timeline_grows_while_even_a_short_recording_is_heard(known: VoiceprintService, takes: Takes) -> None:
    sound = wav(Waveform(np.tile(meeting(takes).samples, 2)))

    async def talk(client: Client) -> None:
        job = await told(client.post("/v1/recordings", data=BytesIO(sound)), 202)
        early = 0
        while job.state in ("waiting", "running"):
            early += job.timeline is not None and len(job.timeline.turns) > 0
            job = await told(client.get(f"/v1/recordings/{job.id}"))
        assert job.state == "done"
        assert early > 0

    with_server(known, talk)


def test_clients_of_servers_like_openais_get_segments(known: VoiceprintService, takes: Takes) -> None:
    async def talk(client: Client) -> None:
        form = aiohttp.FormData({"model": "any", "response_format": "json"})
        form.add_field("file", BytesIO(wav(meeting(takes))), filename="talk.wav")
        answer = await (await client.post("/v1/audio/diarization", data=form)).json()
        assert answer["duration"] == pytest.approx(meeting(takes).seconds, abs=0.1)
        assert {tuple(segment) for segment in answer["segments"]} == {("type", "id", "start", "end", "speaker", "text")}
        assert {(segment["type"], segment["text"]) for segment in answer["segments"]} == {
            ("transcript.text.segment", "")
        }
        assert (answer["task"], answer["text"]) == ("transcribe", "")
        assert answer["usage"] == {"type": "duration", "seconds": math.ceil(answer["duration"])}
        assert answer["num_speakers"] == len({segment["speaker"] for segment in answer["segments"]})

    with_server(known, talk)


def test_sound_comes_after_its_size_and_is_refused_with_another(known: VoiceprintService, takes: Takes) -> None:
    sound = wav(meeting(takes))

    async def talk(client: Client) -> None:
        job = await told(client.post(f"/v1/recordings?size={len(sound)}"), 201)
        assert (job.state, job.received_bytes, job.size_bytes) == ("waiting", 0, len(sound))
        job = await told(client.put(f"/v1/recordings/{job.id}/audio", data=BytesIO(sound)))
        assert job.received_bytes == len(sound)
        assert await refused(client.put(f"/v1/recordings/{job.id}/audio", data=BytesIO(sound))) == (409, "has_sound")
        assert (await ended(client, job)).state == "done"
        short = await told(client.post(f"/v1/recordings?size={len(sound) + 1}"), 201)
        assert await refused(client.put(f"/v1/recordings/{short.id}/audio", data=BytesIO(sound))) == (400, "wrong_size")
        failed = await told(client.get(f"/v1/recordings/{short.id}"))
        assert failed.error is not None
        assert (failed.state, failed.error.code) == ("failed", "wrong_size")

    with_server(known, talk)


def test_a_recording_without_sound_gives_its_place_back(
    known: VoiceprintService, takes: Takes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dribble() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.05)

    async def talk(client: Client) -> None:
        for _ in range(MOST_OF_ONE):
            job = await told(client.post("/v1/recordings?size=10"), 201)
        assert await refused(client.post("/v1/recordings?size=10")) == (429, "too_many_recordings")
        monkeypatch.setattr("voiceprint.api.recording_desk.WAITING_SECONDS", 0.0)
        gone = await told(client.get(f"/v1/recordings/{job.id}"))
        assert gone.error is not None
        assert (gone.state, gone.error.code) == ("failed", "stalled")
        monkeypatch.undo()
        monkeypatch.setattr("voiceprint.server.recording_upload.STALL_SECONDS", 0.3)
        slow = await told(client.post("/v1/recordings?size=100000"), 201)
        assert await refused(client.put(f"/v1/recordings/{slow.id}/audio", data=dribble())) == (408, "stalled")
        assert (await told(client.get(f"/v1/recordings/{slow.id}"))).state == "failed"

    with_server(known, talk)


def test_whose_an_id_is_is_told_to_those_alone_who_may_list_the_speakers(
    known: VoiceprintService, takes: Takes
) -> None:
    tokens = {scope: add_token(known.store, scope, [scope])[0] for scope in get_args(Scope)}

    async def talk(client: Client) -> None:
        def asked(token: str, method: str, path: str, **more: Any) -> Any:
            return client.request(method, path, headers={"Authorization": f"Bearer {tokens[token]}"}, **more)

        ada = known.enroll_new("Ada", [known.admit(known.listen(takes[next(iter(takes))][0]))]).speaker.id
        for token, code in (("identify", (403, "wrong_scope")), ("enroll", (404, "unknown_speaker"))):
            sound = BytesIO(wav(takes[next(iter(takes))][1]))
            job = await told(asked(token, "POST", "/v1/recordings", data=sound), 202)
            while job.state in ("waiting", "running"):
                await asyncio.sleep(0.05)
                job = await told(asked(token, "GET", f"/v1/recordings/{job.id}"))
            said = asked(token, "POST", f"/v1/recordings/{job.id}/voices/1", json={"learn": False, "speaker": "0" * 32})
            assert await refused(said) == code
            said = asked(token, "POST", f"/v1/recordings/{job.id}/voices/1", json={"learn": False, "speaker": ada})
            if token == "identify":
                assert await refused(said) == code
            else:
                assert (await told(said)).changes == 1

    with_server(known, talk)


def test_without_a_segmentation_windows_answer_and_no_voice_can_be_named(
    service: VoiceprintService, takes: Takes
) -> None:
    async def talk(client: Client) -> None:
        job = await ended(client, await told(client.post("/v1/recordings", data=BytesIO(wav(meeting(takes)))), 202))
        assert job.timeline is not None
        assert (job.timeline.segmented, job.timeline.voices) == (False, ())
        assert await refused(client.post(f"/v1/recordings/{job.id}/voices/1", json={"name": "A"})) == (
            404,
            "unknown_voice",
        )

    with_server(service, talk)


def test_voices_of_nobody_enrolled_are_not_kept_where_that_is_forbidden(known: VoiceprintService, takes: Takes) -> None:
    known.settings = msgspec.structs.replace(known.settings, keep_unnamed_voices=False)

    async def talk(client: Client) -> None:
        job = await ended(client, await told(client.post("/v1/recordings", data=BytesIO(wav(meeting(takes)))), 202))
        assert job.timeline is not None
        assert {voice.nameable for voice in job.timeline.voices} == {False}
        asked = client.post(f"/v1/recordings/{job.id}/voices/1", json={"name": "Ben", "consent": CONSENT})
        assert await refused(asked) == (409, "not_kept")

    with_server(known, talk)


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/v1/recordings", b"no sound at all", None),
        ("POST", "/v1/recordings", b"", (400, "audio_empty")),
        ("POST", "/v1/recordings?size=0", b"", (400, "audio_empty")),
        ("POST", "/v1/recordings?size=many", b"", (400, "bad_size")),
        ("POST", "/v1/recordings?size=99999999999999", b"", (413, "body_too_large")),
        ("GET", "/v1/recordings/0123", b"", (404, "unknown_recording")),
        ("PUT", "/v1/recordings/0123/audio", b"x", (404, "unknown_recording")),
        ("DELETE", "/v1/recordings/0123", b"", (404, "unknown_recording")),
        ("GET", "/v1/recordings/0123/timeline?format=doc", b"", (400, "bad_format")),
        ("POST", "/v1/recordings/0123/voices/one", b"{}", (404, "unknown_voice")),
        ("POST", "/v1/recordings/0123/voices/1", b"{", (400, "bad_json")),
        ("POST", "/v1/recordings/0123/turns/1", b"{}", (404, "unknown_recording")),
        ("POST", "/v1/recordings/0123/turns/one", b"{}", (404, "unknown_turn")),
        ("POST", "/v1/recordings/0123/turns/1", b'{"name": "Ben"}', (400, "bad_json")),
        ("POST", "/v1/recordings/0123/undo", b"", (404, "unknown_recording")),
    ],
)
def test_what_cannot_be_done_is_refused(
    known: VoiceprintService, method: str, path: str, body: bytes, expected: tuple[int, str] | None
) -> None:
    async def talk(client: Client) -> None:
        if expected is not None:
            assert await refused(client.request(method, path, data=body)) == expected
            return
        job = await ended(client, await told(client.request(method, path, data=body), 202))
        assert job.error is not None
        assert (job.state, job.error.code) == ("failed", "not_audio")
        assert await refused(client.get(f"/v1/recordings/{job.id}/timeline")) == (409, "not_done")

    with_server(known, talk)


def test_sound_that_breaks_off_is_no_recording(known: VoiceprintService, takes: Takes) -> None:
    data = wav(meeting(takes))

    async def talk(client: Client) -> None:
        job = await told(client.post(f"/v1/recordings?size={len(data)}"), 201)
        sent = client.put(f"/v1/recordings/{job.id}/audio", data=BytesIO(data[: len(data) // 2]))
        assert await refused(sent) == (400, "wrong_size")
        await asyncio.sleep(1.0)  # what came could be heard meanwhile
        found = await told(client.get(f"/v1/recordings/{job.id}"))
        assert (found.state, found.error and found.error.code, found.timeline) == ("failed", "wrong_size", None)

    with_server(known, talk)


def test_a_refusal_while_sound_still_comes_holds_nothing_up(known: VoiceprintService) -> None:
    size, piece = 40 << 20, b"<html>" * 200_000

    async def talk(client: Client) -> None:
        job, stalled = await told(client.post(f"/v1/recordings?size={size}"), 201), asyncio.Event()

        async def body() -> Any:
            for _ in range(28):  # as much as is read before it is decoded
                yield piece
            await stalled.wait()

        sending = asyncio.create_task(client.put(f"/v1/recordings/{job.id}/audio", data=body()))
        found = await asyncio.wait_for(ended(client, job), 30.0)
        assert (found.state, found.error and found.error.code) == ("failed", "not_audio")
        stalled.set()
        sending.cancel()

    with_server(known, talk)


def test_a_recording_is_forgotten_on_demand_and_after_its_time(known: VoiceprintService, takes: Takes) -> None:
    async def talk(client: Client) -> None:
        sound = wav(takes[next(iter(takes))][0])
        job = await told(client.post("/v1/recordings", data=BytesIO(sound)), 202)
        assert (await client.delete(f"/v1/recordings/{job.id}")).status == 200
        assert await refused(client.get(f"/v1/recordings/{job.id}")) == (404, "unknown_recording")
        known.settings = msgspec.structs.replace(known.settings, keep_recordings_minutes=0)
        second = await told(client.post("/v1/recordings", data=BytesIO(sound)), 202)
        while (await client.get(f"/v1/recordings/{second.id}")).status == 200:
            await asyncio.sleep(0.05)
        listed = msgspec.json.decode(await (await client.get("/v1/recordings")).read(), type=RecordingList)
        assert listed.recordings == ()

    with_server(known, talk)


def test_a_token_has_so_many_recordings_at_once_and_sees_its_own_alone(known: VoiceprintService) -> None:
    from voiceprint.api.desk import Desk
    from voiceprint.api.recording_desk import MOST_OF_ONE, RecordingDesk
    from voiceprint.errors import InputError, LimitError

    desk = RecordingDesk(Desk(known, clock=lambda: 0.0), known)
    one, other = (Caller(token, frozenset({"identify"})) for token in ("1", "2"))
    jobs = [desk.open(one, size=1) for _ in range(MOST_OF_ONE)]
    with pytest.raises(LimitError) as full:
        desk.open(one, size=1)
    assert full.value.code == "too_many_recordings"
    desk.open(other, size=1)
    with pytest.raises(InputError) as unseen:
        desk.job(other, jobs[0].id)
    assert unseen.value.code == "unknown_recording"
    assert len(desk.all(other).recordings) == 1
