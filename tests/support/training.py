"""What stands in for voices and their teacher in the tests of the training."""

import sys

import numpy as np

from support.paths import SCRIPTS

sys.path.insert(0, str(SCRIPTS))

from training import data
from training.teacher import Head

RATE = data.SAMPLE_RATE


def voice(pitch: float, seconds: float, seed: int = 0) -> data.Wave:
    """A buzzing voice (num_samples,): harmonics of `pitch` Hz under two formants, with a little noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    harmonics = np.arange(1, int(7000 / pitch)) * pitch
    gain = np.exp(-(((harmonics - 5 * pitch) / 400) ** 2)) + 0.5 * np.exp(-(((harmonics - 2200) / 500) ** 2)) + 0.02
    wave = (gain[:, None] * np.sin(2 * np.pi * harmonics[:, None] * time)).sum(0)
    wave += 0.01 * np.random.default_rng(seed).standard_normal(len(time))
    return np.asarray(wave / np.abs(wave).max() * 0.5, dtype=np.float32)


CHANNELS = 24
HEAD = Head(np.random.default_rng(5).standard_normal((192, 2 * CHANNELS), np.float32), np.ones(192, np.float32))


def stand_in_teacher(piece: data.Wave) -> data.Frames:
    """How the power lies over 24 bands, every 20 ms (num_frames, 24): enough of a voice for these tests."""
    frames = np.lib.stride_tricks.sliding_window_view(piece, 2 * data.FRAME_FIRST)[:: data.FRAME_HOP]
    power = np.abs(np.fft.rfft(frames)[:, 1 : 1 + 8 * CHANNELS]) ** 2
    level = np.log10(power.reshape(len(frames), CHANNELS, 8).sum(2) + 1e-4)
    return np.asarray(np.clip((level + 4) * data.FRAME_SCALE / 2, 0, 255), dtype=np.uint8)
