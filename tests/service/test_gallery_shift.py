"""The threshold follows the speakers who are enrolled, as they come and go, and the takes without a name."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from support.calibration_fixtures import CALIBRATION

from voiceprint.decision.calibration import Tail
from voiceprint.decision.outcome import Decision
from voiceprint.decision.place import STRICTEST
from voiceprint.decision.policy import Policy
from voiceprint.domain.speaker import EncoderIdentity, Enrollment
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.gallery_shift import SAMPLE_SIZE, TAKES_KEPT, GalleryShift
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store

DIMENSION = 16
# Random voices of 16 dimensions come close to one another: a threshold above that.
TAIL = Tail(location=5.0, per_log_speaker=1.0, scale=0.5)
POLICY = Policy(2.0, 0.01, structs.replace(CALIBRATION, tail=TAIL))


def voice(seed: int, *, alike: float) -> NDArray[np.float32]:
    row = np.random.default_rng(seed).normal(size=DIMENSION) + alike * np.arange(DIMENSION)
    unit: NDArray[np.float32] = (row / np.linalg.norm(row)).astype(np.float32)
    return unit


@pytest.fixture
def store(folder: Path, keys: MasterKeys) -> Iterator[Store]:
    opened = Store.open(folder, keys, EncoderIdentity("made-up", "0" * 64, DIMENSION))
    yield opened
    opened.close()


@pytest.fixture
def known(store: Store) -> EnrolledSpeakers:
    return EnrolledSpeakers(store, DIMENSION)


def enroll(known: EnrolledSpeakers, store: Store, seed: int, *, alike: float, group: str) -> str:
    speaker = store.add_speaker(f"Person {seed}", [Enrollment.new(voice(seed, alike=alike), 8.0)], groups=(group,))
    known.put(speaker)
    return speaker.id


def shift_of(known: EnrolledSpeakers) -> GalleryShift:
    return GalleryShift(known, POLICY, lambda scope: scope.gallery)


def test_it_comes_down_among_people_who_sound_apart(known: EnrolledSpeakers, store: Store) -> None:
    shift = shift_of(known)
    assert shift.score_shift() == 0
    for seed in range(8):
        enroll(known, store, seed, alike=0.0, group="strangers")
    assert (apart := shift.score_shift()) < 0
    family = [enroll(known, store, seed, alike=0.4, group="family") for seed in range(100, 106)]
    assert shift.score_shift(frozenset({"family"})) > shift.score_shift() > apart
    assert shift.score_shift(frozenset({"strangers"})) == pytest.approx(apart, abs=1e-4)
    for speaker_id in family:
        store.forget(speaker_id)
        known.remove(speaker_id)
    assert shift.score_shift() == pytest.approx(apart, abs=1e-4)
    assert shift.score_shift(frozenset({"family"})) == 0


def test_what_another_process_enrolled_counts_too(
    known: EnrolledSpeakers, store: Store, folder: Path, keys: MasterKeys
) -> None:
    shift = shift_of(known)
    assert shift.score_shift() == 0
    other = Store.open(folder, keys, EncoderIdentity("made-up", "0" * 64, DIMENSION))
    for seed in range(6):
        other.add_speaker(f"Person {seed}", [Enrollment.new(voice(seed, alike=0.0), 8.0)])
    other.close()
    known.refresh()
    assert shift.score_shift() < 0


def test_many_people_are_asked_through_some_of_them(known: EnrolledSpeakers, store: Store) -> None:
    for seed in range(2 * SAMPLE_SIZE + 2):
        enroll(known, store, seed, alike=0.0, group="all")
    some, within = shift_of(known).score_shift(), shift_of(known).score_shift(frozenset({"all"}))
    assert some == pytest.approx(within, abs=1e-4)
    assert some != 0


def test_without_a_calibration_that_knows_it_nothing_changes(known: EnrolledSpeakers, store: Store) -> None:
    for seed in range(4):
        enroll(known, store, seed, alike=0.0, group="all")
    assert GalleryShift(known, Policy(2.0), lambda scope: scope.gallery).score_shift() == 0


@pytest.mark.parametrize("people", [8, 20])
def test_one_person_under_two_names_costs_no_other_speaker(known: EnrolledSpeakers, store: Store, people: int) -> None:
    shift = shift_of(known)
    for seed in range(people):
        enroll(known, store, seed, alike=0.0, group="all")
    before = shift.score_shift()
    enroll(known, store, 3, alike=0.0, group="all")
    assert shift.score_shift() == pytest.approx(before, abs=0.3)


def test_takes_without_a_name_raise_it_and_only_those(known: EnrolledSpeakers, store: Store) -> None:
    for seed in range(8):
        enroll(known, store, seed, alike=0.0, group="all")
    shift = shift_of(known)
    before = shift.policy()
    close = Decision("unknown", None, 0.5, 0.6, None, None, "", excess=5.0)
    for other in (replace(close, status="identified"), replace(close, excess=None), replace(close, excess=-30.0)):
        shift.note(other)
        assert shift.policy() == before
    for _ in range(10 * TAKES_KEPT):
        shift.note(close)
    assert before.raised == 0 < shift.policy().raised <= STRICTEST
    assert shift.policy().score_shift == before.score_shift, "what the enrolled show does not change"
