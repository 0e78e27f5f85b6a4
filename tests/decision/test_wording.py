"""Sentences whose numbers bear out what they say."""

import pytest

from voiceprint.decision.wording import distance, too_close, too_short


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (too_short(1.98, 2.0), "1.9 s of speech were heard, 2.0 s are needed"),
        (too_short(0.0, 2.0), "0.0 s of speech were heard, 2.0 s are needed"),
        (distance(0.0049), "less than 0.01"),
        (distance(0.051), "0.05"),
    ],
)
def test_a_number_never_contradicts_its_sentence(said: str, sentence: str) -> None:
    assert said == sentence


@pytest.mark.parametrize(
    ("margin", "needed", "apart"),
    [(0.04, 0.11, ("0.04", "0.11")), (0.049, 0.051, ("0.049", "0.051")), (0.05, 0.0501, ("0.0500", "0.0501"))],
)
def test_two_margins_that_differ_read_differently(margin: float, needed: float, apart: tuple[str, str]) -> None:
    said = too_close(margin, needed)
    assert f"{apart[0]} apart" in said
    assert f"{apart[1]} are needed" in said
