"""Rates against cases that can be counted by hand, and against the project's scoring tool where it is there."""

import importlib.util
from types import ModuleType

import numpy as np
import pytest
from support.paths import SHARED

from voiceprint.decision.intervals import share
from voiceprint.evaluation.metrics import (
    act_dcf,
    bootstrap,
    cllr,
    cllr_min,
    det_points,
    eer,
    fnir_at_fpir,
    isotonic,
    min_dcf,
)

TOOL = SHARED / "tools" / "score_encoder.py"
rng = np.random.default_rng(0)
TARGET, NONTARGET = rng.normal(2, 1, 400), rng.normal(0, 1, 4000)


@pytest.fixture
def tool() -> ModuleType:
    if not TOOL.is_file():
        pytest.skip(f"{TOOL} is not here")
    spec = importlib.util.spec_from_file_location("score_encoder", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_formulas_are_those_of_the_scoring_tool(tool: ModuleType) -> None:
    assert (eer(TARGET, NONTARGET), min_dcf(TARGET, NONTARGET)) == tool.rates(TARGET, NONTARGET)


def test_perfect_scores_cost_nothing() -> None:
    target, nontarget = np.array([3.0, 4.0]), np.array([-3.0, 1.0])
    assert eer(target, nontarget) == 0
    assert min_dcf(target, nontarget) == 0
    assert cllr_min(target, nontarget) == pytest.approx(0, abs=1e-9)


def test_rates_by_hand() -> None:
    target, nontarget = np.array([1.0, 3.0]), np.array([2.0, 0.0])
    miss, false = det_points(target, nontarget)
    assert miss.tolist() == [0.5, 0.5, 0, 0]
    assert false.tolist() == [0, 0.5, 0.5, 1]
    assert eer(target, nontarget) == 0.5
    assert act_dcf(target, nontarget, threshold=2.5) == pytest.approx(0.5)
    assert act_dcf(target, nontarget, threshold=1.5) == pytest.approx((0.01 * 0.5 + 0.99 * 0.5) / 0.01)


def test_cllr_of_true_ratios_is_near_its_minimum_and_of_silence_is_one() -> None:
    # For two normal distributions of width 1 around 2 and 0 the log-likelihood ratio of x is 2x - 2.
    true = cllr(2 * TARGET - 2, 2 * NONTARGET - 2)
    assert cllr_min(TARGET, NONTARGET) <= true < 1.1 * cllr_min(TARGET, NONTARGET)
    assert cllr(np.zeros(5), np.zeros(7)) == pytest.approx(1)


def test_isotonic_pools_what_falls() -> None:
    assert isotonic(np.array([0.0, 1.0, 0.0, 1.0])).tolist() == [0.0, 0.5, 0.5, 1.0]


def test_open_set_counts_a_wrong_name_as_a_miss() -> None:
    right, wrong = np.array([0.9, 0.9, 0.9, 0.1]), np.array([False, True, False, False])
    assert fnir_at_fpir(right, wrong, np.linspace(0, 0.5, 101), 0.01) == pytest.approx(0.5)


def test_a_share_without_hits_follows_the_rule_of_three() -> None:
    none = share(0, 300)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(3 / 300, rel=0.3)
    half = share(50, 100)
    assert half.low < 0.41 < 0.59 < half.high


def test_the_bootstrap_draws_speakers_not_recordings() -> None:
    values = np.repeat([0.0, 1.0], 500)
    few = bootstrap(["a"] * 500 + ["b"] * 500, lambda at: float(values[at].mean()))
    many = bootstrap(range(1000), lambda at: float(values[at].mean()))
    assert (few.low, few.value, few.high) == (0, 0.5, 1)
    assert 0.45 < many.low < many.high < 0.55
