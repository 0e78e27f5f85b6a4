"""Scores of timelines, on a conversation small enough to be reckoned by hand."""

from pathlib import Path

import pytest

from voiceprint.errors import InputError
from voiceprint.evaluation.timelines import LabelledTurn, TimelineScorer, TimelineScores, recordings_with_rttm

# Ada is enrolled; x and y are strangers: 10 s each.
REFERENCE = ((0, 10, "Ada"), (10, 20, "x"), (20, 30, "y"))


def scored(tmp_path: Path, *turns: tuple[float, float, str], uem: str = "") -> TimelineScores:
    rttm, stretches = tmp_path / "talk.rttm", tmp_path / "all.uem"
    rttm.write_text(
        "".join(f"SPEAKER talk 1 {start} {end - start} <NA> <NA> {name} <NA> <NA>\n" for start, end, name in REFERENCE)
    )
    stretches.write_text(uem)
    scorer = TimelineScorer(["Ada", "Ben"], stretches if uem else None)
    named = ("Ada", "Ben")
    scorer.add(rttm, [LabelledTurn(start, end, label, label in named) for start, end, label in turns], 30.0)
    return scorer.scores()


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (
            [(0, 10, "Ada"), (10, 20, "Unknown 1"), (20, 30, "Unknown 2")],
            {"der_strict": 0, "der": 0, "wrong_name": 0, "strangers": 2, "strangers_merged": 0, "strangers_split": 0},
        ),
        # Two strangers in one.
        ([(0, 10, "Ada"), (10, 30, "Unknown 1")], {"der_strict": 1 / 3, "wrong_name": 0, "strangers_merged": 2}),
        # One in two.
        (
            [(0, 10, "Ada"), (10, 15, "Unknown 1"), (15, 20, "Unknown 3"), (20, 30, "Unknown 2")],
            {"der_strict": 1 / 6, "strangers_split": 1, "strangers_merged": 0},
        ),
        # A stranger under a name, rightly told apart.
        (
            [(0, 10, "Ada"), (10, 20, "Ben"), (20, 30, "Unknown 1")],
            {"der_strict": 0, "wrong_name": 1 / 3, "strangers_named": 1 / 2, "unnamed": 0},
        ),
        # Ada without her name, and a third missed.
        (
            [(0, 10, "Unknown 1"), (10, 20, "Unknown 2")],
            {"der_strict": 1 / 3, "missed_strict": 1 / 3, "unnamed": 1, "wrong_name": 0},
        ),
        ([], {"der_strict": 1, "missed_strict": 1, "wrong_name": 0, "strangers_merged": 0}),
    ],
)
def test_each_error_is_counted_where_it_belongs(
    tmp_path: Path, turns: list[tuple[float, float, str]], expected: dict[str, float]
) -> None:
    scores = scored(tmp_path, *turns)
    assert {name: getattr(scores, name) for name in expected} == pytest.approx(expected)
    assert (scores.recordings, scores.speech_seconds) == (1, 30.0)


def test_those_who_talk_at_once_are_neither_merged_nor_split_where_all_is_right(tmp_path: Path) -> None:
    spans = [(0.0, 10.0, "x"), (5.0, 12.0, "y"), (11.0, 12.5, "z"), (20.0, 21.0, "q"), (20.0, 21.0, "r")]
    rttm = tmp_path / "talk.rttm"
    rttm.write_text(
        "".join(f"SPEAKER talk 1 {start} {end - start} <NA> <NA> {name} <NA> <NA>\n" for start, end, name in spans)
    )
    scorer = TimelineScorer([])
    scorer.add(rttm, [LabelledTurn(start, end, f"Unknown {name}", False) for start, end, name in spans], 30.0)
    scores = scorer.scores()
    assert (scores.strangers, scores.strangers_merged, scores.strangers_split, scores.der_strict) == (5, 0, 0, 0.0)


def test_a_border_within_the_collar_costs_nothing(tmp_path: Path) -> None:
    scores = scored(tmp_path, (0, 10.2, "Ada"), (10.2, 20, "Unknown 1"), (20, 30, "Unknown 2"))
    assert scores.der == pytest.approx(0)
    assert scores.der_strict == pytest.approx(0.2 / 30)


def test_only_what_is_annotated_counts(tmp_path: Path) -> None:
    scores = scored(tmp_path, (0, 10, "Ada"), uem="talk NA 0 10\n")
    assert (scores.der_strict, scores.speech_seconds, scores.strangers) == (0, 10.0, 0)


def test_what_cannot_be_scored_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no recording with an RTTM"):
        list(recordings_with_rttm(tmp_path))
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.rttm").write_text("SPEAKER a 1 x\n")
    with pytest.raises(InputError, match=r"Line 1 of .*a\.rttm"):
        TimelineScorer([]).add(next(recordings_with_rttm(tmp_path))[1], [], 1.0)
