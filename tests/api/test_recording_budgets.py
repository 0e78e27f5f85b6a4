"""What a recording that is heard as a job costs, and what becomes of it where the budget is used up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.loudness import LoudnessSegmentation
from support.toys import tone, toy_service

from voiceprint.api.desk import Desk
from voiceprint.api.recording_desk import PATIENCE_SECONDS, RecordingDesk
from voiceprint.api.recording_job import Job
from voiceprint.api.timeline_messages import Timeline
from voiceprint.audio.recording import Recording, Waveform
from voiceprint.audio.recording_stream import SoundPiece
from voiceprint.domain.caller import OPERATOR, Caller
from voiceprint.errors import LimitError
from voiceprint.service.service import VoiceprintService

DOOR = Caller("door", frozenset({"identify"}))
LONG, MIDDLE, SHORT = (200, 9.0), (400, 7.0), (600, 5.0)
MEETING = Waveform(np.concatenate([tone(*voice).samples for voice in (SHORT, MIDDLE, LONG)]))


@dataclass
class Source:
    """``decoder_seconds`` more with each look."""

    each: float
    ended: bool = False
    seconds: float = 0.0

    @property
    def decoder_seconds(self) -> float:
        self.seconds += self.each
        return self.seconds


class World:
    """A desk over tones as voices, and a clock that goes on where a recording waits."""

    def __init__(self, service: VoiceprintService) -> None:
        self.now = self.waited = 0.0
        self.desk = Desk(service, clock=lambda: self.now)
        self.recordings = RecordingDesk(self.desk, service)

    def run(self, steps: Iterable[float | None]) -> None:
        for step in steps:
            self.now += step or 0.0
            self.waited += step or 0.0

    def heard(self, source: Source | None = None, caller: Caller = DOOR) -> Job:
        job = self.recordings.open(caller, size=1)
        self.run(job.begin(Recording.of(MEETING), source))
        while source and not source.ended and not job.enough:
            self.run(job.hear(SoundPiece(1, (MEETING,))))
            source.ended = job.heard_seconds > 100
        self.run(job.finish(Recording.of(MEETING)))
        return job


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    with toy_service(tmp_path, **request.param) as opened:
        opened.segmentation = LoudnessSegmentation()  # type: ignore[assignment]  # the same question
        yield World(opened)


def told(job: Job) -> Timeline:
    assert job.state == "done"
    found = job.timeline()
    assert found is not None
    return found


def codes(found: Timeline) -> list[str]:
    return [warning.code for warning in found.warnings]


@pytest.mark.parametrize("world", [{"max_answers_per_hour": 60}], indirect=True)
def test_a_recording_waits_for_its_answers_and_loses_nothing(world: World) -> None:
    for _ in range(58):
        world.desk.begin_timeline(DOOR)
    found = told(world.heard())
    assert (len(found.voices), codes(found), world.waited) == (3, [], 60.0)
    with pytest.raises(LimitError):
        world.desk.begin_timeline(DOOR)


@pytest.mark.parametrize("world", [{"max_answers_per_hour": 2}], indirect=True)
def test_where_waiting_is_too_long_the_voices_that_speak_most_are_decided_on(world: World) -> None:
    found = told(world.heard())
    assert [round(turn.end_seconds - turn.start_seconds) for turn in found.turns] == [7, 9]
    assert [turn.voice for turn in found.turns] == [1, 2]
    assert codes(found) == ["too_many_answers"]
    assert "the turns of some voices are left out" in found.warnings[0].message
    assert world.waited < PATIENCE_SECONDS
    everything = told(world.heard(caller=OPERATOR))
    assert (len(everything.voices), codes(everything)) == (3, [])


@pytest.mark.parametrize("world", [{"max_decoding_seconds_per_hour": 3600}], indirect=True)
def test_a_recording_pays_for_its_decoding_and_waits_for_it(world: World) -> None:
    found = told(world.heard(Source(each=800.0)))
    assert codes(found) == []
    assert found.audio_seconds > 100
    assert world.waited == pytest.approx(400.0, abs=1.0)  # five looks, of which the last was 400 more than an hour's


@pytest.mark.parametrize("world", [{"max_decoding_seconds_per_hour": 60}], indirect=True)
def test_decoding_that_nobody_pays_for_ends_and_what_was_heard_is_told(world: World) -> None:
    found = told(world.heard(Source(each=100.0)))
    assert codes(found) == ["too_much_decoding"]
    assert "not heard to its end" in found.warnings[0].message
    assert found.audio_seconds == pytest.approx(MEETING.seconds, abs=0.1)
    assert len(found.voices) == 3
    with pytest.raises(LimitError) as refused:
        world.recordings.open(DOOR, size=1)
    assert refused.value.code == "too_much_decoding"
    world.recordings.open(Caller("other", frozenset({"identify"})), size=1)


@pytest.mark.parametrize("world", [{"max_decoding_seconds_per_hour": 60}], indirect=True)
def test_what_was_heard_whole_is_not_called_cut_short(world: World) -> None:
    assert codes(told(world.heard(Source(each=100.0, ended=True)))) == []


@pytest.mark.parametrize("world", [{"max_answers_per_hour": 1}], indirect=True)
def test_without_a_segmentation_the_turns_after_the_budget_are_left_out(world: World) -> None:
    world.recordings._service.segmentation = None
    found = told(world.heard())
    assert (len(found.turns), found.segmented, codes(found)) == (1, False, ["too_many_answers"])
