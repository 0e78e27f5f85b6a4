"""One turn of a recording given to another voice or speaker, and taken back; nobody is enrolled by it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.loudness import LoudnessSegmentation
from support.toys import heard, tone, toy_service

from voiceprint.api.desk import Desk
from voiceprint.api.recording_desk import RecordingDesk
from voiceprint.api.recording_messages import MoveTurn, RecordingJob, ThatWas
from voiceprint.audio.recording import Recording, Waveform
from voiceprint.domain.caller import Caller
from voiceprint.domain.speaker import Enrollment
from voiceprint.errors import AccessError, InputError, SpeakerError
from voiceprint.service.service import VoiceprintService
from voiceprint.storage import audit

ENROLLER, ASKER = (Caller("mine", frozenset({scope})) for scope in ("enroll", "identify"))
ADA, BEN, STRANGER, ELSEWHERE = 200, 400, 600, 800


@pytest.fixture
def service(tmp_path: Path) -> Iterator[VoiceprintService]:
    """Ada and Eve are enrolled."""
    with toy_service(tmp_path) as opened:
        opened.segmentation = LoudnessSegmentation()  # type: ignore[assignment]  # the same question
        for name, pitch in (("Ada", ADA), ("Eve", ELSEWHERE)):
            embedding = heard(opened, pitch).embedding
            assert embedding is not None
            opened.enroll_new(name, [Enrollment.new(embedding, 4.0, "")])
        yield opened


@pytest.fixture
def desk(service: VoiceprintService) -> RecordingDesk:
    return RecordingDesk(Desk(service, clock=lambda: 0.0), service)


@pytest.fixture
def job(desk: RecordingDesk) -> str:
    """Ada, a stranger, Ada, another stranger."""
    whole = Recording.of(Waveform(np.concatenate([tone(pitch, 6.0).samples for pitch in (ADA, BEN, ADA, STRANGER)])))
    opened = desk.open(ENROLLER, size=1)
    for _ in (*opened.begin(whole), *opened.finish(whole)):
        pass
    return opened.id


def labels(job: RecordingJob) -> list[str]:
    assert job.timeline is not None
    return [f"{turn.label}{'!' if turn.corrected else ''}" for turn in job.timeline.turns]


def speaker(service: VoiceprintService, name: str) -> str:
    return service.named(name).id


BEFORE = ["Ada", "Unknown 1", "Ada", "Unknown 2"]


def test_a_turn_alone_gets_another_voice_or_speaker_and_goes_back(
    desk: RecordingDesk, service: VoiceprintService, job: str
) -> None:
    assert labels(desk.show(ENROLLER, job)) == BEFORE
    wishes = (
        (MoveTurn(voice=3), "Unknown 2!", 3),
        (MoveTurn(voice=1), "Ada!", 1),
        (MoveTurn(speaker=speaker(service, "Ada")), "Ada!", 1),
        (MoveTurn(speaker=speaker(service, "Eve")), "Eve!", 0),
        (MoveTurn(), "Unknown!", 0),
    )
    templates = [service.enrolled.scope().gallery.template(one.id).tobytes() for one in service.speakers()]
    for wanted, label, voice in wishes:
        moved = desk.move(ENROLLER, job, 2, wanted)
        assert labels(moved) == [BEFORE[0], label, *BEFORE[2:]]
        assert moved.timeline is not None
        assert moved.timeline.turns[1].voice == voice
        assert (moved.timeline.turns[1].speaker is None) == label.startswith("Unknown")
    assert moved.changes == len(wishes)
    assert [service.enrolled.scope().gallery.template(one.id).tobytes() for one in service.speakers()] == templates
    for _, label, _ in reversed(wishes[:-1]):
        assert labels(desk.undo(ENROLLER, job))[1] == label
    assert labels(desk.undo(ENROLLER, job)) == BEFORE
    events = [line.event for line in audit.read(service.store)]
    assert events[-10:] == ["labelled"] * 5 + ["label_undone"] * 5


def test_a_moved_turn_follows_what_its_voice_is_called_later(desk: RecordingDesk, job: str) -> None:
    desk.move(ENROLLER, job, 1, MoveTurn(voice=2))
    named = desk.name(ENROLLER, job, 2, ThatWas(name="Ben"))
    assert labels(named) == ["Ben!", "Ben!", "Ada", "Unknown 2"]
    assert labels(desk.undo(ENROLLER, job)) == ["Unknown 1!", "Unknown 1", "Ada", "Unknown 2"]


def test_a_speaker_who_was_forgotten_leaves_a_stranger(
    desk: RecordingDesk, service: VoiceprintService, job: str
) -> None:
    desk.move(ENROLLER, job, 2, MoveTurn(speaker=speaker(service, "Eve")))
    service.forget(speaker(service, "Eve"))
    assert labels(desk.show(ENROLLER, job))[1] == "Unknown!"


@pytest.mark.parametrize(
    ("turn", "wanted", "error", "code"),
    [
        (0, MoveTurn(), InputError, "unknown_turn"),
        (5, MoveTurn(), InputError, "unknown_turn"),
        (1, MoveTurn(voice=9), InputError, "unknown_voice"),
        (1, MoveTurn(voice=0), InputError, "unknown_voice"),
        (1, MoveTurn(voice=1, speaker="0" * 32), InputError, "who"),
        (1, MoveTurn(speaker="0" * 32), SpeakerError, "unknown_speaker"),
    ],
)
def test_what_is_not_there_is_refused_and_changes_nothing(
    desk: RecordingDesk, job: str, turn: int, wanted: MoveTurn, error: type[InputError], code: str
) -> None:
    with pytest.raises(error) as refused:
        desk.move(ENROLLER, job, turn, wanted)
    assert refused.value.code == code
    shown = desk.show(ENROLLER, job)
    assert (labels(shown), shown.changes) == (BEFORE, 0)


def test_ids_are_for_those_who_may_list_the_speakers(desk: RecordingDesk, service: VoiceprintService, job: str) -> None:
    with pytest.raises(AccessError, match="enroll"):
        desk.move(ASKER, job, 1, MoveTurn(speaker=speaker(service, "Ada")))
    assert labels(desk.move(ASKER, job, 1, MoveTurn(voice=2)))[0] == "Unknown 1!"
