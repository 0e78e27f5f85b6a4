"""Takes belong to the person: a stranger's are refused with the reason, single ones go, two entries become one."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.calibration_fixtures import CALIBRATION
from support.toys import heard, tone, toy_service

from voiceprint.decision.policy import Policy
from voiceprint.decision.templates import template_of
from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError, SpeakerError, SpeechError
from voiceprint.gallery.index import Gallery
from voiceprint.service.service import VoiceprintService
from voiceprint.service.take_check import TakeCheck

ADA, BEN, STRANGER = 200, 600, 1000
OVER = Consent(purpose="door", expires="2020-01-01")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[VoiceprintService]:
    with toy_service(tmp_path) as opened:
        yield opened


def take(service: VoiceprintService, pitch: int, seconds: float = 4.0) -> Enrollment:
    return service.admit(service.listen(tone(pitch, seconds)))


def takes(service: VoiceprintService, *pitches: int) -> list[Enrollment]:
    return [take(service, pitch, 4.0 + number) for number, pitch in enumerate(pitches)]


@pytest.fixture
def ada(service: VoiceprintService) -> StoredSpeaker:
    service.enroll_new("Ben", takes(service, BEN, BEN))
    return service.enroll_new("Ada", takes(service, ADA, ADA)).speaker


REFUSED = {
    "a stranger": ([STRANGER], "not_this_speaker", "does not sound like Ada."),
    "a stranger twice": ([STRANGER, STRANGER], "not_this_speaker", "does not sound like Ada."),
    "somebody enrolled": ([BEN], "sounds_like_other", "does not sound like Ada but like Ben."),
    "one of two": ([ADA, BEN], "sounds_like_other", "does not sound like Ada but like Ben."),
    "one of three": ([ADA, ADA, BEN], "sounds_like_other", "does not sound like Ada but like Ben."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_take_that_is_not_the_speakers_is_refused_unless_insisted(
    service: VoiceprintService, ada: StoredSpeaker, name: str
) -> None:
    pitches, code, said = REFUSED[name]
    with pytest.raises(SpeechError) as refused:
        service.enroll_more(ada.id, takes(service, *pitches))
    assert (refused.value.code, refused.value.message.endswith(said)) == (code, True)
    assert len(service.speaker(ada.id).enrollments) == 2
    outcome = service.enroll_more(ada.id, takes(service, *pitches), force=True)
    assert len(outcome.speaker.enrollments) == 2 + len(pitches)
    service.undo()
    assert len(service.speaker(ada.id).enrollments) == 2
    assert service.verify(ada.id, heard(service, ADA)).decision.status == "accepted"
    assert service.verify(ada.id, heard(service, STRANGER)).decision.status == "rejected"


def test_who_may_not_be_met_is_not_named(service: VoiceprintService, ada: StoredSpeaker) -> None:
    service.set_groups(ada.id, ["home"])
    with pytest.raises(SpeechError) as refused:
        service.enroll_more(ada.id, [take(service, BEN)], within=frozenset({"home"}))
    assert refused.value.code == "not_this_speaker"


AGREE = {
    "one": ([STRANGER], []),
    "two alike": ([STRANGER, STRANGER], []),
    "two people": ([STRANGER, BEN], [0, 1]),
    "one of three": ([STRANGER, BEN, STRANGER], [1]),
    "two of four": ([STRANGER, BEN, STRANGER, ADA], [0, 1, 2, 3]),
    "two of five": ([STRANGER, BEN, STRANGER, ADA, STRANGER], [1, 3]),
}


@pytest.mark.parametrize("name", AGREE)
def test_first_takes_must_agree_with_each_other(service: VoiceprintService, name: str) -> None:
    pitches, wrong = AGREE[name]
    found = service.foreign_takes(takes(service, *pitches), None)
    assert sorted(found) == wrong
    assert {error.code for error in found.values()} <= {"not_this_speaker"}
    if wrong:
        with pytest.raises(SpeechError):
            service.enroll_new("New", takes(service, *pitches))
        assert service.count() == 0
        assert service.enroll_new("New", takes(service, *pitches), force=True).added == len(pitches)


def test_each_take_is_told_with_how_it_fits_and_can_go(service: VoiceprintService, ada: StoredSpeaker) -> None:
    service.enroll_more(ada.id, [take(service, ADA, 6.0)])
    service.enroll_more(ada.id, [take(service, STRANGER)], force=True)
    fits = service.takes(ada.id)
    assert [one.fit for one in fits] == ["good", "good", "good", "poor"]
    assert [one.take.speech_seconds > 3 for one in fits] == [True] * 4
    worst = min(fits, key=lambda one: one.consistency or 0)
    assert worst is fits[-1]
    service.remove_take(ada.id, worst.take.id)
    assert [one.fit for one in service.takes(ada.id)] == ["good"] * 3
    assert service.verify(ada.id, heard(service, STRANGER)).decision.status == "rejected"
    service.undo()
    assert len(service.takes(ada.id)) == 4
    (only,) = service.takes(service.enroll_new("Cem", [take(service, 1400)]).speaker.id)
    assert (only.fit, only.consistency) == ("only", None)


def test_two_entries_of_one_person_become_one_and_two_again(service: VoiceprintService, ada: StoredSpeaker) -> None:
    phone = service.enroll_new("Ada phone", takes(service, ADA), consent=Consent(purpose="phone")).speaker
    assert service.enroll_new("Dup", takes(service, ADA)).similar[0].speaker_id in (ada.id, phone.id)
    service.undo()
    merged = service.merge(ada.id, phone.id)
    assert (merged.kept.profile.consent, merged.other.profile.consent) == (None, Consent(purpose="phone"))
    assert merged.speaker.profile.consent == Consent(purpose="phone")
    assert [speaker.name for speaker in service.speakers()] == ["Ada", "Ben"]
    assert service.identify(heard(service, ADA)).decision.speaker_id == ada.id
    last = service.last_change()
    assert last is not None
    assert (last.event, [name for _, name in last.speakers]) == ("merged", ["Ada", "Ada phone"])
    assert service.undo() == last
    assert [speaker.name for speaker in service.speakers()] == ["Ada", "Ada phone", "Ben"]
    assert service.find("Ada phone") is not None
    assert service.last_change() is None


def test_what_cannot_be_merged_is_refused_and_changes_nothing(service: VoiceprintService, ada: StoredSpeaker) -> None:
    ben = service.enrolled.find("Ben")
    assert ben is not None
    with pytest.raises(SpeakerError, match="two different"):
        service.merge(ada.id, ada.id)
    with pytest.raises(SpeechError, match="Ben does not sound like Ada"):
        service.merge(ada.id, ben.id)
    service.set_groups(ada.id, ["home"])
    with pytest.raises(SpeakerError, match="Nobody"):
        service.merge(ada.id, ben.id, within=frozenset({"home"}))
    service.enrolled.rename(service.store.set_consent(ben.id, OVER))
    with pytest.raises(InputError, match="ended on 2020"):
        service.merge(ada.id, ben.id, force=True)
    assert service.count() == 2


def test_undo_takes_back_what_was_meant_and_only_for_who_may_meet_them(
    service: VoiceprintService, ada: StoredSpeaker
) -> None:
    service.rename(ada.id, "Augusta")
    last = service.last_change()
    assert last is not None
    service.set_groups(ada.id, ["home"])
    with pytest.raises(InputError, match="changed since"):
        service.undo(change_id=last.id)
    assert service.last_change(frozenset({"work"})) is None
    with pytest.raises(InputError, match="last hour"):
        service.undo(within=frozenset({"work"}))
    assert service.undo(within=frozenset({"home"})).event == "grouped"
    with pytest.raises(InputError, match="last hour"):
        service.undo()
    assert service.speaker(ada.id).name == "Augusta"


def test_forgetting_is_never_undone(service: VoiceprintService, ada: StoredSpeaker) -> None:
    service.rename(ada.id, "Augusta")
    service.forget(ada.id)
    with pytest.raises(InputError, match="last hour"):
        service.undo()
    assert service.verify(ada.id, heard(service, ADA)).decision.status == "not_enrolled"


def test_a_consent_that_is_over_enrolls_nobody(
    service: VoiceprintService, ada: StoredSpeaker, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InputError, match="ended on 2020"):
        service.enroll_new("New", takes(service, STRANGER), consent=OVER)
    with pytest.raises(InputError, match="ended on 2020"):
        service.enroll_more(ada.id, takes(service, ADA), consent=OVER)
    with pytest.raises(InputError, match="ended on 2020"):
        service.set_consent(ada.id, OVER)
    service.enrolled.rename(service.store.set_consent(ada.id, OVER))
    with pytest.raises(InputError, match="ended on 2020"):
        service.enroll_more(ada.id, takes(service, ADA))
    with caplog.at_level(logging.WARNING):
        assert [one.reason for one in service.maintenance.sweep().due] == ["consent_expired"]


def near(cosine: float, axis: int, seconds: float = 1.0) -> Enrollment:
    vector = np.zeros(16, np.float32)
    vector[0], vector[axis] = cosine, np.sqrt(1 - cosine**2)
    return Enrollment.new(vector, seconds)


def test_less_than_the_threshold_is_enough_unless_the_own_takes_are_much_more_alike(
    service: VoiceprintService,
) -> None:
    policy = Policy(2.0, 0.01, CALIBRATION)
    service.enrolled.scope().gallery = Gallery(16)
    check = TakeCheck(service.enrolled, lambda _: policy)

    def lowest(own: float) -> float:
        """The lowest score with the template that is taken for the speaker's; ``own``: how alike the own takes are."""
        takes = (near(own, 1, 4.0), near(own, 2, 4.0))
        speaker = StoredSpeaker("0" * 32, Profile(name="Ada", created_at=0.0), takes)
        first = float(template_of(takes)[0])  # other takes have nothing but this direction in common with it
        scores = [cosine * first for cosine in np.linspace(-1, 1, 201).tolist()]
        return float(min(score for score in scores if not check.refusals([near(score / first, 9)], speaker, None)))

    assert -0.5 < lowest(0.5) < lowest(0.9) - 0.05
