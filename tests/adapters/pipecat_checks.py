"""The Pipecat processor in a real pipeline; tests/integrations/test_adapters.py runs this beside a real server."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pipecat.frames.frames import Frame, InputAudioRawFrame, InterimTranscriptionFrame, TranscriptionFrame
from pipecat.tests.utils import SleepFrame, run_test

from voiceprint.client import VoiceprintClient
from voiceprint.integrations.pipecat_speaker import SpeakerProcessor

FOLDER = Path(os.environ["ADAPTER_TEST_FOLDER"])
GIVEN = json.loads((FOLDER / "given.json").read_text())
UNAVAILABLE = {"id": None, "name": None, "status": "unavailable", "band": None}


def audio(name: str, *, channels: int = 1) -> list[Frame]:
    pcm = (FOLDER / f"{name}.pcm").read_bytes()
    return [InputAudioRawFrame(pcm[at : at + 640], 16_000, channels) for at in range(0, len(pcm), 640)]


def said(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text=text, user_id="from the transport", timestamp="t")


def processed(url: str, frames: list[Frame], **options: Any) -> list[TranscriptionFrame]:
    """The transcripts that come out at the other end; all else comes out as well."""

    async def run() -> list[Frame]:
        async with VoiceprintClient(url) as client:
            down, _ = await run_test(SpeakerProcessor(client, **options), frames_to_send=frames, start_timeout=20.0)
            return list(down)

    out = asyncio.run(run())
    kinds: Callable[[list[Frame]], int] = lambda some: sum(isinstance(one, InputAudioRawFrame) for one in some)  # noqa: E731
    assert kinds(out) == kinds(frames)
    return [frame for frame in out if isinstance(frame, TranscriptionFrame)]


def test_transcripts_get_their_speaker() -> None:
    frames = [
        *audio("ada"),
        SleepFrame(),
        said("one"),
        SleepFrame(),
        *audio("stranger"),
        SleepFrame(),
        said("two"),
        said("three"),
    ]
    one, two, three = processed(GIVEN["url"], frames, patience=20.0)
    assert [frame.text for frame in (one, two, three)] == ["one", "two", "three"]
    assert one.metadata["speaker"] == {"id": GIVEN["ada"], "name": "Ada", "status": "identified", "band": "above"}
    assert (one.user_id, two.user_id, three.user_id) == (GIVEN["ada"], "from the transport", "from the transport")
    assert (two.metadata["speaker"]["status"], three.metadata["speaker"]["status"]) == ("unknown", "not_enough_speech")


def test_groups_are_searched_alone() -> None:
    (one,) = processed(GIVEN["url"], [*audio("ada"), SleepFrame(), said("one")], patience=20.0, groups=["nobody"])
    assert one.metadata["speaker"]["status"] == "unknown"


def test_a_guess_of_a_transcript_is_not_asked_about() -> None:
    guess = InterimTranscriptionFrame(text="on", user_id="u", timestamp="t")
    (one,) = processed("http://127.0.0.1:9", [*audio("ada"), guess, SleepFrame(), said("one")])
    assert one.metadata["speaker"] == UNAVAILABLE
    assert "speaker" not in guess.metadata


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", GIVEN["silent"], GIVEN["dropping"]])
def test_a_bad_server_takes_nothing_from_the_text(url: str) -> None:
    (one,) = processed(url, [*audio("ada"), SleepFrame(), said("one")], patience=0.5)
    assert (one.text, one.user_id, one.metadata["speaker"]) == ("one", "from the transport", UNAVAILABLE)


def test_stereo_is_left_alone() -> None:
    (one,) = processed(GIVEN["url"], [*audio("ada", channels=2), SleepFrame(), said("one")])
    assert one.metadata["speaker"]["status"] == "not_enough_speech"
