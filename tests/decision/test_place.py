"""The threshold comes down as the enrolled show the place, and takes without a name can only raise it, and not far."""

import numpy as np
import pytest
from support.calibration_fixtures import CALIBRATION

from voiceprint.decision.place import STRICTEST, Place


def _place() -> Place:
    assert CALIBRATION.place is not None
    return CALIBRATION.place


PLACE = _place()


def shift(*over: float, size: int = 0) -> float:
    size = size or len(over)
    return PLACE.score_shift(PLACE.nearest.at(size) + np.array(over), size)


def test_it_starts_at_the_worst_place_measured() -> None:
    assert shift(-50.0, size=1) == 0
    assert shift(0.0, 0.0, 0.0) == 0
    assert shift(3.0, 2.0, 1.0) == 0, "never above the start"


def test_it_comes_down_as_the_enrolled_show_the_place() -> None:
    few, many = shift(*[-5.0] * 2), shift(*[-5.0] * 30)
    assert -5.0 < many < few < 0
    assert shift(-5.0, -5.0, 0.0) > shift(-5.0, -5.0, -5.0)
    assert shift(*[-1000.0] * 30) == shift(*[-12.0] * 30), "no one counts for everything"


@pytest.mark.parametrize("fed", [-1000.0, -8.0, 0.0, 8.0, 1000.0])
def test_a_thousand_takes_cannot_open_the_door_nor_shut_it(fed: float) -> None:
    start = shift(*[-5.0] * 10)
    moved = PLACE.with_takes(start, [fed] * 1000)
    assert start <= moved <= STRICTEST
    assert PLACE.with_takes(start, []) == start


def test_takes_that_come_close_raise_it() -> None:
    start = shift(*[-5.0] * 10)
    assert start < PLACE.with_takes(start, [0.0] * 10) < PLACE.with_takes(start, [0.0] * 60) <= 0
    assert PLACE.with_takes(start, [start - 1.0] * 60) == start
