"""Spans of speech from frame probabilities."""

from hypothesis import given
from hypothesis import strategies as st

from voiceprint.audio.segmenter import (
    FRAME_SECONDS,
    MIN_SILENCE_FRAMES,
    MIN_SPEECH_FRAMES,
    PAD_FRAMES,
    Segmenter,
    Step,
)

LOUD, QUIET = 0.9, 0.01


def run(probabilities: list[float]) -> tuple[Segmenter, list[Step]]:
    segmenter = Segmenter()
    return segmenter, [segmenter.push(probability) for probability in probabilities]


def frames(segmenter: Segmenter) -> list[tuple[int, int]]:
    return [(round(found.start / FRAME_SECONDS), round(found.end / FRAME_SECONDS)) for found in segmenter.segments]


def test_a_word_becomes_a_span_with_a_little_around_it() -> None:
    segmenter, steps = run([QUIET] * 20 + [LOUD] * 30 + [QUIET] * 20)
    assert frames(segmenter) == [(20 - PAD_FRAMES, 50 + PAD_FRAMES)]
    assert steps.index("started") == 20 + MIN_SPEECH_FRAMES - 1
    assert steps.index("stopped") == 50 + MIN_SILENCE_FRAMES - 1
    assert not segmenter.in_speech


def test_a_click_is_no_speech() -> None:
    segmenter, steps = run([QUIET] * 5 + [LOUD] * (MIN_SPEECH_FRAMES - 1) + [QUIET] * 20)
    assert segmenter.segments == []
    assert steps.count("dropped") == 1


def test_a_short_pause_does_not_cut() -> None:
    segmenter, _ = run([LOUD] * 20 + [QUIET] * (MIN_SILENCE_FRAMES - 1) + [LOUD] * 20 + [QUIET] * 20)
    assert frames(segmenter) == [(0, 39 + MIN_SILENCE_FRAMES + PAD_FRAMES)]


def test_a_long_pause_cuts() -> None:
    segmenter, _ = run([LOUD] * 20 + [QUIET] * 30 + [LOUD] * 20 + [QUIET] * 20)
    assert len(segmenter.segments) == 2


def test_what_is_open_at_the_end_is_closed() -> None:
    segmenter, _ = run([QUIET] * 3 + [LOUD] * 20)
    assert segmenter.open_segment is not None
    assert segmenter.finish() == "stopped"
    assert frames(segmenter) == [(3 - PAD_FRAMES, 23)]
    assert segmenter.finish() == "silence"


@given(st.lists(st.floats(0, 1), max_size=400))
def test_spans_are_in_order_apart_and_inside_the_audio(probabilities: list[float]) -> None:
    segmenter, steps = run(probabilities)
    segmenter.finish()
    edges = [edge for span in frames(segmenter) for edge in span]
    assert edges == sorted(edges)
    assert all(start < end for start, end in frames(segmenter))
    assert not edges or (edges[0] >= 0 and edges[-1] <= len(probabilities))
    assert steps.count("started") - steps.count("stopped") in (0, 1)
