"""The curves of a calibration say what the calibration says."""

import numpy as np
import pytest

from voiceprint.decision.calibration import Calibration
from voiceprint.decision.operating_curves import BINS, cost_by_fpir, cost_by_gallery, separation
from voiceprint.decision.policy import Policy
from voiceprint.encoding.encoder import Encoder

PEOPLE, TARGET = 50, 0.01


@pytest.fixture(scope="module")
def calibration(encoder: Encoder) -> Calibration:
    found = Policy.for_encoder(encoder.id, encoder.fingerprint, min_speech_seconds=2.0).calibration
    assert found is not None
    return found


def test_the_cost_at_the_promise_is_that_of_the_threshold(calibration: Calibration) -> None:
    policy = Policy(2.0, TARGET, calibration)
    for size, missed in cost_by_gallery(calibration, TARGET, 0.0, largest=PEOPLE):
        assert missed == policy.describe(size).expected_fnir
    costs = [missed.value for _, missed in cost_by_fpir(calibration, PEOPLE, 0.0)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1]


def test_more_people_cost_more(calibration: Calibration) -> None:
    sizes, costs = zip(*cost_by_gallery(calibration, TARGET, 0.0, largest=PEOPLE), strict=True)
    assert (sizes[0], sizes[-1]) == (1, PEOPLE)
    assert costs[-1].value > costs[0].value


def test_strangers_stay_below_the_line_as_promised(calibration: Calibration) -> None:
    found = separation(calibration, PEOPLE, TARGET, 0.0)
    assert len(found.edges) == BINS + 1
    middles = np.array([(low + high) / 2 for low, high in zip(found.edges, found.edges[1:], strict=False)])
    strangers, enrolled = np.array(found.strangers), np.array(found.enrolled)
    assert strangers.sum() == pytest.approx(1.0, abs=0.02)
    assert enrolled.sum() == pytest.approx(1.0, abs=0.02)
    assert strangers[middles > found.threshold].sum() == pytest.approx(TARGET, abs=0.01)
    assert enrolled @ middles > strangers @ middles
