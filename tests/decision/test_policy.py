"""The decision: every status, the promise that moves with the gallery, and what is shown."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from support.calibration_fixtures import CALIBRATION, TELEPHONE, unit_rows

from voiceprint.decision.outcome import Decision, EnrolledVoices
from voiceprint.decision.policy import Policy
from voiceprint.decision.templates import template, template_of, templates_of
from voiceprint.domain.match import Match
from voiceprint.domain.speaker import Enrollment

BARE = Policy(min_speech_seconds=2.0)
CALIBRATED = Policy(2.0, 0.01, CALIBRATION)
VOICE = unit_rows(1, seed=3)[0]


def identify(policy: Policy, *scores: float, seconds: float = 4.0, size: int = 10) -> Decision:
    matches = [Match(f"speaker{number}", score) for number, score in enumerate(scores)]
    return policy.identify(matches, embedding=VOICE, speech_seconds=seconds, gallery_size=size)


def test_a_template_is_the_direction_of_the_mean() -> None:
    rows = unit_rows(3, seed=0)
    made = template(rows)
    assert made == pytest.approx(rows.sum(axis=0) / np.linalg.norm(rows.sum(axis=0)), abs=1e-6)
    assert template(rows[:1]) == pytest.approx(rows[0], abs=1e-6)


@pytest.mark.parametrize("most", [1, 3])
def test_many_templates_at_once_are_what_each_is_alone(most: int) -> None:
    takes = [Enrollment.new(row, 3.0) for row in unit_rows(40, seed=1)]
    speakers = [takes[start : start + 1 + (start // 3) % most] for start in range(0, 36, 3)]
    alone = np.stack([template_of(some) for some in speakers])
    rows = np.stack([one.embedding for some in speakers for one in some])
    assert templates_of(rows, np.array([len(some) for some in speakers])) == pytest.approx(alone, abs=1e-6)


@pytest.mark.parametrize("policy", [BARE, CALIBRATED])
def test_every_status(policy: Policy) -> None:
    assert identify(policy, 0.95, 0.1).status == "identified"
    assert identify(policy, 0.95, 0.1).speaker_id == "speaker0"
    for decision, status in (
        (identify(policy, 0.1, 0.05), "unknown"),
        (identify(policy, 0.95, 0.949), "ambiguous"),
        (identify(policy, 0.95, 0.1, seconds=1.0), "not_enough_speech"),
        (identify(policy), "unknown"),
        (identify(policy, seconds=1.0), "not_enough_speech"),
    ):
        assert (decision.status, decision.speaker_id) == (status, None)


@pytest.mark.parametrize("policy", [BARE, CALIBRATED])
def test_the_threshold_that_is_shown_is_the_one_that_decides(policy: Policy) -> None:
    at = identify(policy, 0.9).threshold
    assert identify(policy, at + 1e-6).status == "identified"
    assert identify(policy, at - 1e-6).status == "unknown"
    for score, seconds, status in ((0.9, 4, "accepted"), (-0.5, 4, "rejected"), (0.9, 1, "not_enough_speech")):
        found = policy.verify(score, speaker_id="a", embedding=VOICE, speech_seconds=seconds, gallery_size=9)
        assert found.status == status


@pytest.mark.parametrize("policy", [BARE, CALIBRATED])
def test_the_threshold_rises_with_the_gallery(policy: Policy) -> None:
    at = [policy.threshold(size, 4.0) for size in (0, 1, 10, 100, 1000)]
    assert at[0] == at[1] < at[2] < at[3] < at[4]


def test_the_threshold_rises_with_the_promise() -> None:
    at = [Policy(2.0, target, CALIBRATION).threshold(50, 4.0) for target in (0.1, 0.01, 0.001)]
    assert at == sorted(at)
    assert len(set(at)) == 3


def enrolled(seconds: float, template: NDArray[np.float32]) -> Callable[[Sequence[str]], EnrolledVoices]:
    return lambda ids: EnrolledVoices([seconds] * len(ids), np.stack([template] * len(ids)))


@pytest.mark.parametrize(("probe", "template", "raised"), [(1, 1, 0.2), (1, -1, -0.2), (-1, 1, -0.2), (-1, -1, 0.0)])
def test_recordings_of_one_channel_must_be_closer(probe: int, template: int, raised: float) -> None:
    at = CALIBRATED.identify(
        [Match("a", 0.9)],
        embedding=probe * TELEPHONE,
        speech_seconds=4,
        gallery_size=5,
        enrolled=enrolled(10, template * TELEPHONE),
    ).threshold
    assert at - identify(CALIBRATED, 0.9, size=5).threshold == pytest.approx(raised, abs=1e-6)


def test_the_second_best_is_by_evidence_not_by_cosine() -> None:
    """Somebody enrolled with a minute of speech needs more than somebody with three seconds to be as sure."""
    matches = [Match("long", 0.80), Match("short", 0.79)]
    seconds = {"long": 60.0, "short": 3.0}
    found = CALIBRATED.identify(
        matches,
        embedding=VOICE,
        speech_seconds=4,
        gallery_size=2,
        enrolled=lambda ids: EnrolledVoices([seconds[one] for one in ids], np.stack([VOICE] * len(ids))),
    )
    assert found.score == 0.79
    assert found.margin is not None
    assert found.margin > 0


def test_probability_comes_from_the_calibration_alone() -> None:
    assert identify(BARE, 0.9).probability is None
    found = [identify(CALIBRATED, score, 0.0).probability for score in (0.1, 0.3, 0.5, 0.9)]
    assert all(p is not None and 0 <= p <= 1 for p in found)
    assert found == sorted(found, key=lambda p: p or 0)
    duplicates = identify(CALIBRATED, 0.9, 0.9).probability
    assert duplicates == pytest.approx(0.5, abs=0.01)


def test_the_rule_says_how_far_from_the_line() -> None:
    decision = identify(CALIBRATED, 0.9, 0.1)
    assert decision.score is not None
    assert f"{decision.score - decision.threshold:.2f} above" in decision.rule
    assert "1.0 s of speech were heard, 2.0 s are needed" in identify(BARE, 0.9, seconds=1.0).rule


def test_a_note_for_the_operator() -> None:
    note = CALIBRATED.describe(10)
    assert note.expected_fnir is not None
    assert 0 <= note.expected_fnir.low <= note.expected_fnir.value <= note.expected_fnir.high <= 1
    assert not note.supported  # 40 people cannot show 1 %
    assert "rule of three" in note.note
    assert "extrapolated" in CALIBRATED.describe(10_000).note
    assert Policy(2.0, 0.1, CALIBRATION).describe(10).supported
    assert (BARE.describe(10).supported, BARE.describe(10).expected_fnir) == (False, None)


def test_a_probe_that_is_close_to_several_must_be_closer_to_one() -> None:
    far, near = (identify(CALIBRATED, 0.5, *[next_best] * 5) for next_best in (-0.1, 0.3))
    assert near.threshold > identify(CALIBRATED, 0.4, *[0.3] * 5).threshold - 1e-9 > far.threshold
    assert (near.probability or 1) < (far.probability or 0)
    # The shift of the gallery tells of a typical probe; each shows its own.
    assert identify(replace(CALIBRATED, score_shift=2.0), 0.5, *[0.3] * 5) == near


def test_one_person_under_two_names_stays_ambiguous() -> None:
    """The other entry shows nothing of the place: it raises no threshold."""
    at = identify(CALIBRATED, 0.9, -0.2, size=3).threshold
    found = identify(CALIBRATED, at + 0.01, at + 0.005, -0.2, size=3)
    assert found.status == "ambiguous"
    assert found.threshold == pytest.approx(at)


def test_takes_without_a_name_make_everything_stricter() -> None:
    usual, here = identify(CALIBRATED, 0.9, 0.1), identify(replace(CALIBRATED, raised=2.0), 0.9, 0.1)
    assert here.threshold - usual.threshold == pytest.approx(2.0 / CALIBRATION.weights.cosine)
    assert (here.probability or 1) < (usual.probability or 0)
    assert here.margin == pytest.approx(usual.margin)
    assert here.excess == pytest.approx(usual.excess), "what they raise is not what they show"
    asked = {"speaker_id": "a", "embedding": VOICE, "speech_seconds": 4.0, "gallery_size": 9}
    claimed = [policy.verify(0.9, **asked).threshold for policy in (CALIBRATED, replace(CALIBRATED, raised=2.0))]
    assert claimed[1] > claimed[0]


def test_the_place_is_told() -> None:
    alike = replace(CALIBRATED, score_shift=2.0)
    for policy, note in (
        (alike, "more alike here than where all share a microphone: the threshold is 0.10 higher"),
        (CALIBRATED, "that of a place where all share a microphone"),
        (replace(CALIBRATED, score_shift=-2.0), "the threshold is 0.10 lower"),
    ):
        assert note in policy.describe(10).note


def test_a_probability_is_told_where_the_place_is_known() -> None:
    assert identify(CALIBRATED, 0.9, size=2).probability is None
    assert identify(CALIBRATED, 0.9, size=3).probability is not None


def test_where_most_would_be_missed_the_promise_is_of_no_use() -> None:
    useless = replace(CALIBRATED, score_shift=12.0).describe(10)
    assert useless.expected_fnir is not None
    assert useless.expected_fnir.value > 0.5
    assert not useless.supported
    assert "needs a stronger encoder" in useless.note
    assert "stronger encoder" not in CALIBRATED.describe(10).note
    assert "with more than about 200 enrolled it would miss more than half" in CALIBRATED.describe(10).note


def test_misses_are_told_for_one_recording_too() -> None:
    assert "with one recording are missed in 40% of cases" in CALIBRATED.describe(1).note
    one, three = (CALIBRATION.expected_fnir(0.0, recordings=count).value for count in (1, 3))
    assert one > three


def test_who_may_be_enrolled_already() -> None:
    matches = [Match("twin", 0.95), Match("other", 0.1)]
    found = CALIBRATED.similar(matches, embedding=VOICE, speech_seconds=10, gallery_size=20)
    assert [match.speaker_id for match in found] == ["twin"]
