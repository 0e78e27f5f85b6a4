"""The recogniser for LiveKit Agents; tests/integrations/test_adapters.py runs this beside a real server."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, stt

from voiceprint.client import VoiceprintClient
from voiceprint.integrations.livekit_speaker import SpeakerSTT

FOLDER = Path(os.environ["ADAPTER_TEST_FOLDER"])
GIVEN = json.loads((FOLDER / "given.json").read_text())
UNAVAILABLE = {"id": None, "name": None, "status": "unavailable", "band": None}
QUICK = APIConnectOptions(max_retry=2, retry_interval=0.01, timeout=5.0)
Kind = stt.SpeechEventType


def event(text: str, kind: stt.SpeechEventType = Kind.FINAL_TRANSCRIPT) -> stt.SpeechEvent:
    said = stt.SpeechData(language="en", text=text, metadata={"of": "the recogniser"})
    return stt.SpeechEvent(type=kind, alternatives=[said])


class Recogniser(stt.STT[Any]):
    """Returns one transcript for each flush; keeps the audio. ``failures``: so many streams fail first."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.failures = failures
        self.heard = b""

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        self.heard += rtc.combine_audio_frames(buffer).data.tobytes()
        return event("one")

    def stream(self, *, conn_options: Any = QUICK, **_: Any) -> "Stream":
        return Stream(stt=self, conn_options=APIConnectOptions(max_retry=0))


class Stream(stt.RecognizeStream):
    _stt: Recogniser

    async def _run(self) -> None:
        if self._stt.failures:
            self._stt.failures -= 1
            raise APIConnectionError
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                self._stt.heard += item.data.tobytes()
            else:
                self._event_ch.send_nowait(event("on", Kind.INTERIM_TRANSCRIPT))
                self._event_ch.send_nowait(event("one"))


def audio(name: str) -> list[rtc.AudioFrame]:
    pcm = (FOLDER / f"{name}.pcm").read_bytes()
    return [
        rtc.AudioFrame(pcm[at : at + 640], 16_000, 1, len(pcm[at : at + 640]) // 2) for at in range(0, len(pcm), 640)
    ]


async def spoken(outer: SpeakerSTT, recogniser: Recogniser, *names: str) -> list[stt.SpeechEvent]:
    """The events of one stream into which these speak, each to a flush."""
    stream = outer.stream(conn_options=QUICK)
    events = []

    async def listen() -> None:
        async for one in stream:
            events.append(one)

    listening = asyncio.create_task(listen())
    while recogniser.failures:  # what is spoken into a failing recogniser is lost to it
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.05)
    for name in names:
        for frame in audio(name):
            stream.push_frame(frame)
        stream.flush()
        while sum(one.type is Kind.FINAL_TRANSCRIPT for one in events) <= names.index(name) and not listening.done():
            await asyncio.sleep(0.02)
    await stream.aclose()
    listening.cancel()
    return events


def run(url: str, recogniser: Recogniser, *names: str, **options: Any) -> list[stt.SpeechEvent]:
    async def asked() -> list[stt.SpeechEvent]:
        async with VoiceprintClient(url) as client:
            return await spoken(SpeakerSTT(recogniser, client, **options), recogniser, *names)

    return asyncio.run(asked())


def test_final_transcripts_get_their_speaker() -> None:
    recogniser = Recogniser()
    events = run(GIVEN["url"], recogniser, "ada", "stranger", patience=20.0)
    assert [one.type for one in events] == [Kind.INTERIM_TRANSCRIPT, Kind.FINAL_TRANSCRIPT] * 2
    guess, ada, _, stranger = (one.alternatives[0] for one in events)
    assert (guess.speaker_id, "speaker" in (guess.metadata or {})) == (None, False)
    named = {"id": GIVEN["ada"], "name": "Ada", "status": "identified", "band": "above"}
    assert ada.metadata == {"of": "the recogniser", "speaker": named}
    assert (ada.speaker_id, stranger.speaker_id) == (GIVEN["ada"], None)
    assert stranger.metadata is not None
    assert stranger.metadata["speaker"]["status"] == "unknown"
    assert recogniser.heard == b"".join((FOLDER / f"{name}.pcm").read_bytes() for name in ("ada", "stranger"))


def test_a_whole_recording_gets_its_speaker() -> None:
    async def asked() -> stt.SpeechEvent:
        async with VoiceprintClient(GIVEN["url"]) as client:
            return await SpeakerSTT(Recogniser(), client, patience=20.0).recognize(audio("ada"))

    assert asyncio.run(asked()).alternatives[0].speaker_id == GIVEN["ada"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", GIVEN["silent"], GIVEN["dropping"]])
def test_a_bad_server_takes_nothing_from_the_text(url: str) -> None:
    _, final = run(url, Recogniser(), "ada", patience=0.5)
    (said,) = final.alternatives
    assert (said.text, said.speaker_id) == ("one", None)
    assert said.metadata == {"of": "the recogniser", "speaker": UNAVAILABLE}


def test_a_recogniser_that_fails_is_tried_again_and_then_told() -> None:
    assert [one.alternatives[0].text for one in run(GIVEN["url"], Recogniser(1), "ada", patience=0.1)] == ["on", "one"]

    async def given_up() -> None:
        async with VoiceprintClient(GIVEN["url"]) as client:
            stream = SpeakerSTT(Recogniser(9), client).stream(conn_options=QUICK)
            async for _ in stream:
                pass

    with pytest.raises(APIConnectionError):
        asyncio.run(given_up())
