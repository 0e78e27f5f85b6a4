"""Samples that grow, against putting the pieces together."""

import numpy as np

from voiceprint.audio.sample_buffer import SampleBuffer


def test_what_was_given_out_stays_as_it_was() -> None:
    random, growing = np.random.default_rng(0), SampleBuffer()
    pieces = [random.normal(size=size).astype(np.float32) for size in (0, 512, 15_000, 512, 40_000, 3, 200_000)]
    given = []
    for piece in pieces:
        growing.append(piece)
        given.append(growing.samples)
    for count, samples in enumerate(given, start=1):
        assert np.array_equal(samples, np.concatenate(pieces[:count]))


def test_nothing_is_nothing() -> None:
    assert len(SampleBuffer().samples) == 0
