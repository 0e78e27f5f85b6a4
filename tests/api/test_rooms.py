"""A room: several people speak into one stream, and who it was is told while they speak; voices are tones."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from support.recordings import pcm
from support.toys import ADA, OTHER, STRANGER, service_of_ada, tone

from voiceprint.api.desk import Desk
from voiceprint.api.messages import Cancel, ClientMessage, Error, Hello, Room, ServerMessage, Start, Stop, encode
from voiceprint.api.recording_desk import RecordingDesk
from voiceprint.api.recording_job import Job
from voiceprint.api.recording_messages import ThatWas
from voiceprint.api.session import Session
from voiceprint.audio import live_recording
from voiceprint.audio.live_recording import LiveRecording
from voiceprint.audio.recording import SAMPLE_RATE, Waveform
from voiceprint.domain.caller import OPERATOR, Caller
from voiceprint.errors import AudioError
from voiceprint.service.service import VoiceprintService

FRAME_SAMPLES = SAMPLE_RATE // 10
# What is said is told at the latest after a hop of the windows; the rest is how long the machine takes.
LATENCY_SECONDS = 2.6


class World:
    """A session with rooms, and the jobs of its rooms, heard on as soon as there is sound."""

    def __init__(self, service: VoiceprintService) -> None:
        self.recordings = RecordingDesk(Desk(service, clock=time.monotonic), service)
        self.session = Session(service, clock=time.monotonic, open_room=self._open)
        self.job: Job
        self.sound: LiveRecording
        self._begun = False

    def _open(self, caller: Caller, sound: LiveRecording, groups: Iterable[str] | None) -> Job:
        self.job, self.sound = self.recordings.open_room(caller, groups=None if groups is None else list(groups)), sound
        self._begun = False
        return self.job

    def say(self, *messages: ClientMessage) -> list[ServerMessage]:
        return [one for message in messages for one in self.session.on_text(encode(message))]

    def start(self) -> list[ServerMessage]:
        start = Start(mode="room", encoding="pcm_s16le", sample_rate=SAMPLE_RATE)
        return self.say(Hello(version=1), start)

    def hear(self, sound: Waveform) -> list[ServerMessage]:
        """What is said after each frame; as on a server, which looks at it whenever a piece is whole."""
        said: list[ServerMessage] = []
        for at in range(0, len(sound.samples), FRAME_SAMPLES):
            said += self.session.on_audio(pcm(Waveform(sound.samples[at : at + FRAME_SAMPLES])))
            waiting = sum(len(one.samples) for one in list(self.sound._queue.queue) if one is not None)
            if waiting >= live_recording.PIECE_SAMPLES:
                self.work()
        return said

    def work(self) -> None:
        if not self._begun:
            self._begun = True
            run(self.job.begin(self.sound.head(), self.sound))
        elif (piece := self.sound.read()) is not None:
            run(self.job.hear(piece))

    def finish(self) -> None:
        while not self.sound.ended:
            self.work()
        run(self.job.finish(self.sound.outcome))

    def labels(self) -> list[str]:
        found = self.job.timeline()
        return [] if found is None else [turn.label for turn in found.turns]


def run(steps: Iterable[object]) -> None:
    for _ in steps:
        pass


def talk(*pitches: int, seconds: float = 5.0) -> Waveform:
    return Waveform(np.concatenate([tone(pitch, seconds).samples for pitch in pitches]))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[VoiceprintService]:
    with service_of_ada(tmp_path) as opened:
        yield opened


def test_turns_are_told_while_they_are_said_and_a_stranger_is_named(service: VoiceprintService) -> None:
    world = World(service)
    begin = world.start()[-1]
    assert begin == Room(recording=world.job.id, heard_seconds=0.0)
    seconds = 0.0
    labels: list[str] = []
    for pitch, label in ((ADA, "Ada"), (STRANGER, "Unknown 1"), (ADA, "Ada")):
        sound, labels = talk(pitch), [*labels, label]
        said = world.hear(sound)
        seconds += sound.seconds
        rooms = [message for message in said if isinstance(message, Room)]
        assert len(rooms) >= 2
        assert world.labels() == labels
        found = world.job.timeline()
        assert found is not None
        spoken = seconds - 0.5  # each ends in silence
        assert found.turns[-1].end_seconds > spoken - LATENCY_SECONDS
    (last,) = world.say(Stop())
    assert isinstance(last, Room)
    assert last.final
    world.finish()
    assert world.job.state == "done"
    assert world.labels() == ["Ada", "Unknown 1", "Ada"]
    named = world.recordings.name(OPERATOR, world.job.id, 2, ThatWas(name="Ben"))
    assert named.timeline is not None
    assert [turn.label for turn in named.timeline.turns] == ["Ada", "Ben", "Ada"]
    assert world.recordings.undo(OPERATOR, world.job.id).changes == 0


def test_a_room_says_the_same_as_its_recording_and_holds_no_more_sound_than_a_block(
    service: VoiceprintService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voiceprint.service.diarization_voices.LIVE_BLOCK_WINDOWS", 8)
    world = World(service)
    world.start()
    order = (ADA, STRANGER, ADA, OTHER, STRANGER, ADA, OTHER) * 2
    for pitch in order:
        world.hear(talk(pitch))
        (voices,) = world.job._diarizer._diarizer._voices  # type: ignore[union-attr]
        assert len(voices._block) <= 8
        assert len(voices._cutter.waiting) < 11 * SAMPLE_RATE
    world.say(Stop())
    world.finish()
    names = {ADA: "Ada", STRANGER: "Unknown 1", OTHER: "Unknown 2"}
    assert world.labels() == [names[pitch] for pitch in order]


def test_without_a_segmentation_windows_answer_after_each_ten_seconds(service: VoiceprintService) -> None:
    service.segmentation = None
    world = World(service)
    world.start()
    world.hear(talk(ADA, STRANGER))
    assert world.labels()[0] == "Ada"
    world.hear(talk(ADA))
    world.say(Stop())
    world.finish()
    found = world.job.timeline()
    assert found is not None
    assert not found.segmented
    assert world.labels()[-1] == "Ada"
    assert "Unknown" in world.labels()


def test_a_connection_that_is_lost_keeps_what_was_heard_and_a_cancelled_room_is_forgotten(
    service: VoiceprintService,
) -> None:
    world = World(service)
    world.start()
    world.hear(talk(ADA))
    world.session.close()
    world.finish()
    assert (world.job.state, world.labels()) == ("done", ["Ada"])
    other = World(service)
    other.start()
    other.hear(talk(ADA))
    other.say(Cancel())
    assert other.job.error is not None
    assert (other.job.state, other.job.error.code, other.labels()) == ("failed", "cancelled", [])
    assert not other.session.taking


def test_a_room_whose_job_failed_says_why(service: VoiceprintService) -> None:
    world = World(service)
    world.start()
    world.job.fail(AudioError("too_far_behind", "The server does not keep up with what is said."))
    (said,) = world.hear(Waveform(np.zeros(FRAME_SAMPLES, np.float32)))
    assert said == Error(code="too_far_behind", message="The server does not keep up with what is said.")
    assert not world.session.taking


@pytest.mark.parametrize(("longest", "behind", "code"), [(3.0, 120.0, "audio_too_long"), (60.0, 3.0, "too_far_behind")])
def test_a_room_is_bounded(longest: float, behind: float, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_recording, "MOST_BEHIND_SECONDS", behind)
    sound = LiveRecording(max_seconds=longest)
    for _ in range(3):
        sound.put(Waveform(np.zeros(SAMPLE_RATE, np.float32)))
    with pytest.raises(AudioError) as refused:
        sound.put(Waveform(np.zeros(SAMPLE_RATE, np.float32)))
    assert refused.value.code == code


def test_a_room_in_which_nothing_was_said_is_empty() -> None:
    sound = LiveRecording(max_seconds=60.0)
    sound.end()
    with pytest.raises(AudioError, match="Nothing was said"):
        sound.head()
    assert sound.read() is None
