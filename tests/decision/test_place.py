"""A probe shows the place by the next best it meets; takes without a name only raise the threshold, a little."""

import numpy as np
import pytest
from numpy.typing import NDArray
from support.calibration_fixtures import CALIBRATION

from voiceprint.decision.place import NEIGHBOURS, SHARE, STRICTEST, Place, known_share, next_best


def _place() -> Place:
    assert CALIBRATION.place is not None
    return CALIBRATION.place


PLACE = _place()


def probe(best: float, met: float, size: int) -> NDArray[np.float64]:
    """A probe with that best, and ``met`` llr above what a stranger in a one-device place meets next."""
    count = min(size, NEIGHBOURS + 1) - 1
    return np.array([[PLACE.next_best.at(size) + met] * count + [best]])


def shift(met: float, size: int, best: float = 9.0) -> float:
    return float(PLACE.score_shifts(probe(best, met, size), size)[0])


def test_the_next_best_are_those_after_the_best() -> None:
    assert next_best(np.array([[1.0, 9.0], [7.0, 3.0]])).tolist() == [1.0, 3.0]
    assert next_best(np.array([[8.0, 1, 2, 3, 4, 5, 0, -9]])).tolist() == [3.0]


def test_a_stranger_in_a_one_device_place_meets_the_typical_threshold() -> None:
    assert shift(0.0, 1) == shift(3.0, 1) == 0, "one speaker shows nothing"
    assert shift(0.0, 5) == shift(0.0, 300) == 0
    assert shift(0.0, 30, best=1.0) == 0, "the best itself shows nothing"


def test_a_probe_that_is_close_to_several_needs_more_and_one_that_is_far_from_all_less() -> None:
    assert shift(-4.0, 10) < shift(-2.0, 10) < 0 < shift(2.0, 10) < shift(4.0, 10)
    assert 0 < shift(2.0, 2) < shift(2.0, 4) < shift(2.0, 6) < SHARE * 2.0, "few count less"
    assert [known_share(size) for size in (0, 1)] == [0, 0]
    assert known_share(6) == known_share(500) < 1


@pytest.mark.parametrize("fed", [-1000.0, -8.0, 0.0, 8.0, 1000.0])
def test_a_thousand_takes_cannot_open_the_door_nor_shut_it(fed: float) -> None:
    assert 0 <= PLACE.with_takes([fed] * 1000) <= STRICTEST
    assert PLACE.with_takes([]) == 0


def test_takes_that_come_closer_than_strangers_do_raise_it() -> None:
    assert 0 < PLACE.with_takes([1.0] * 10) < PLACE.with_takes([1.0] * 60) < 1.0
    assert PLACE.with_takes([-1.0] * 60) == 0
