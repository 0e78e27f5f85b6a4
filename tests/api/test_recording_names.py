"""Saying whose voice it was, again and again: no stranger gets in by it, and what was wrong leaves nothing behind."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from support.loudness import LoudnessSegmentation
from support.toys import heard, tone, toy_service

from voiceprint.api.desk import Desk
from voiceprint.api.recording_desk import RecordingDesk
from voiceprint.api.recording_messages import RecordingJob, ThatWas
from voiceprint.audio.recording import Recording, Waveform
from voiceprint.domain.caller import Caller
from voiceprint.errors import AccessError, InputError, SpeechError
from voiceprint.service.service import VoiceprintService

ENROLLER, OTHER = (Caller(name, frozenset({"enroll"})) for name in ("mine", "other"))
ASKER = Caller("mine", frozenset({"identify"}))
ADA, BEN, STRANGERS = 200, 400, range(600, 3000, 120)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[VoiceprintService]:
    with toy_service(tmp_path, max_answers_per_hour=100_000) as opened:
        opened.segmentation = LoudnessSegmentation()  # type: ignore[assignment]  # the same question
        yield opened


@pytest.fixture
def desk(service: VoiceprintService) -> RecordingDesk:
    return RecordingDesk(Desk(service, clock=lambda: 0.0), service)


def run(steps: Iterable[object]) -> None:
    for _ in steps:
        pass


def listened(desk: RecordingDesk, *pitches: int, caller: Caller = ENROLLER) -> RecordingJob:
    whole = Recording.of(Waveform(np.concatenate([tone(pitch, 6.0).samples for pitch in pitches])))
    job = desk.open(caller, size=1)
    run(job.begin(whole))
    run(job.finish(whole))
    return job.message()


def speaker_of(job: RecordingJob) -> str:
    assert job.timeline is not None
    speaker = job.timeline.voices[0].speaker
    assert speaker is not None
    return speaker.id


def named(service: VoiceprintService, pitches: Iterable[int]) -> int:
    answers = service.identify_all([heard(service, pitch) for pitch in pitches])
    return sum(answer.decision.speaker_id is not None for answer in answers)


def templates(service: VoiceprintService) -> dict[str, bytes]:
    return {one.name: service.enrolled.scope().gallery.template(one.id).tobytes() for one in service.speakers()}


def test_a_loop_that_names_what_it_hears_lets_no_stranger_in(desk: RecordingDesk, service: VoiceprintService) -> None:
    ada = speaker_of(desk.name(ENROLLER, listened(desk, ADA).id, 1, ThatWas(name="Ada")))
    before, template = named(service, STRANGERS), templates(service)
    for pitch in STRANGERS:
        job = listened(desk, ADA, pitch)
        for voice, error in ((1, InputError), (2, SpeechError)):
            with pytest.raises(error) as refused:
                desk.name(ENROLLER, job.id, voice, ThatWas(speaker=ada))
            assert refused.value.code in ("already_named", "not_this_speaker", "sounds_like_other")
        # Called so, and confirmed as such: still nothing is learnt.
        desk.name(ENROLLER, job.id, 2, ThatWas(speaker=ada, learn=False))
        with pytest.raises(InputError) as same:
            desk.name(ENROLLER, job.id, 2, ThatWas(speaker=ada))
        assert same.value.code == "already_named"
        desk.forget(ENROLLER, job.id)
    assert named(service, STRANGERS) == before
    assert templates(service) == template


def test_what_was_wrong_and_taken_back_leaves_the_templates_as_they_were(
    desk: RecordingDesk, service: VoiceprintService
) -> None:
    job = listened(desk, ADA, BEN)
    desk.name(ENROLLER, job.id, 1, ThatWas(name="Ada"))
    before, later = templates(service), listened(desk, BEN)
    desk.name(ENROLLER, later.id, 1, ThatWas(name="Cyd"))
    desk.name(ENROLLER, job.id, 2, ThatWas(name="Dot"))  # what was changed last is not what is taken back first
    assert set(templates(service)) == {"Ada", "Cyd", "Dot"}
    assert desk.undo(ENROLLER, later.id).changes == 0
    desk.undo(ENROLLER, job.id)
    assert templates(service) == before


def test_whose_it_is_not_sees_nothing_and_changes_nothing(desk: RecordingDesk) -> None:
    job = listened(desk, ADA)
    for ask in (
        lambda: desk.show(OTHER, job.id),
        lambda: desk.forget(OTHER, job.id),
        lambda: desk.undo(OTHER, job.id),
        lambda: desk.name(OTHER, job.id, 1, ThatWas(name="Ada")),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert caught.value.code == "unknown_recording"
    assert desk.all(OTHER).recordings == ()
    with pytest.raises(AccessError, match="enroll"):
        desk.name(ASKER, job.id, 1, ThatWas(name="Ada"))
