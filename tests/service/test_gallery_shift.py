"""The line follows the people who are enrolled, as they come and go."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.calibration_fixtures import CALIBRATION, COHORT

from voiceprint.decision.policy import Policy
from voiceprint.domain.speaker import EncoderIdentity, Enrollment
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.gallery_shift import SAMPLE_SIZE, GalleryShift
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store

DIMENSION = 16
POLICY = Policy(2.0, 0.01, CALIBRATION, COHORT)


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


def test_alike_people_raise_the_line_and_only_among_themselves(known: EnrolledSpeakers, store: Store) -> None:
    likeness = GalleryShift(known, POLICY, lambda: known.gallery)
    assert likeness.score_shift() == 0
    for seed in range(8):
        enroll(known, store, seed, alike=0.0, group="strangers")
    assert likeness.score_shift() == 0
    family = [enroll(known, store, seed, alike=0.4, group="family") for seed in range(100, 106)]
    assert likeness.score_shift(frozenset({"family"})) > likeness.score_shift() > 0
    assert likeness.score_shift(frozenset({"strangers"})) == 0
    for speaker_id in family:
        store.forget(speaker_id)
        known.remove(speaker_id)
    assert likeness.score_shift() == likeness.score_shift(frozenset({"family"})) == 0


def test_what_another_process_enrolled_counts_too(
    known: EnrolledSpeakers, store: Store, folder: Path, keys: MasterKeys
) -> None:
    likeness = GalleryShift(known, POLICY, lambda: known.gallery)
    assert likeness.score_shift() == 0
    other = Store.open(folder, keys, EncoderIdentity("made-up", "0" * 64, DIMENSION))
    for seed in range(6):
        other.add_speaker(f"Person {seed}", [Enrollment.new(voice(seed, alike=0.4), 8.0)])
    other.close()
    known.refresh()
    assert likeness.score_shift() > 0


def test_many_people_are_asked_through_some_of_them(known: EnrolledSpeakers, store: Store) -> None:
    for seed in range(2 * SAMPLE_SIZE + 2):
        enroll(known, store, seed, alike=0.4, group="all")
    some = GalleryShift(known, POLICY, lambda: known.gallery).score_shift()
    within = GalleryShift(known, POLICY, lambda: known.gallery).score_shift(frozenset({"all"}))
    assert some == pytest.approx(within, abs=1e-4)
    assert some > 0


def test_without_a_calibration_that_knows_it_nothing_changes(known: EnrolledSpeakers, store: Store) -> None:
    for seed in range(4):
        enroll(known, store, seed, alike=0.9, group="all")
    assert GalleryShift(known, Policy(2.0), lambda: known.gallery).score_shift() == 0


@pytest.mark.parametrize("people", [8, 20])
def test_one_person_under_two_names_costs_nobody_else(known: EnrolledSpeakers, store: Store, people: int) -> None:
    shift = GalleryShift(known, POLICY, lambda: known.gallery)
    for seed in range(people):
        enroll(known, store, seed, alike=0.0, group="all")
    assert shift.score_shift() == 0
    enroll(known, store, 3, alike=0.0, group="all")
    assert shift.score_shift() == 0
