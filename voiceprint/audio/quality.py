"""Can this be heard well enough? Levels, and what stands in the way.

The limits were set on real recordings (see tests/test_quality.py, which counts how many of those would be refused).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.vocabulary import Feedback

__all__ = ["MIN_DBFS", "MIN_SNR_DB", "Level", "LevelMeter", "feedback_of", "problem_of"]

FULL_SCALE = 0.999
MIN_DBFS = -50.0
MAX_CLIPPED = 0.02
MIN_SNR_DB = 6.0
# Fewer frames without speech than this are mostly the soft edges of words: they tell nothing about the noise.
MIN_NOISE_FRAMES = 16
SPEECH, SILENCE = 0.5, 0.1
_TINY = 1e-10


@dataclass(frozen=True, slots=True)
class Level:
    """Of the frames with speech: ``dbfs`` (mean power, -100 without speech), ``peak``, ``clipped`` (fraction of samples
    at full scale). ``snr_db``: against the frames without speech, None where those are less than half a second.
    """

    dbfs: float
    peak: float
    clipped: float
    snr_db: float | None


class LevelMeter:
    """Adds up, frame by frame."""

    def __init__(self) -> None:
        self.latest_dbfs = -100.0
        self._speech_power = self._noise_power = 0.0
        self._speech_frames = self._noise_frames = 0
        self._peak = 0.0
        self._clipped = self._samples = 0

    def take(self, frame: NDArray[np.float32], probability: float) -> None:
        """A frame, and how probable speech in it is."""
        wide = frame.astype(np.float64)
        power = float(wide @ wide) / len(wide)
        self.latest_dbfs = _decibels(power)
        if probability >= SPEECH:
            magnitude = np.abs(frame)
            self._speech_power += power
            self._speech_frames += 1
            self._peak = max(self._peak, float(magnitude.max()))
            self._clipped += int(np.count_nonzero(magnitude >= FULL_SCALE))
            self._samples += len(frame)
        elif probability < SILENCE:
            self._noise_power += power
            self._noise_frames += 1

    def level(self) -> Level:
        """Of everything so far."""
        speech = self._speech_power / self._speech_frames if self._speech_frames else 0.0
        snr = None
        if self._speech_frames and self._noise_frames >= MIN_NOISE_FRAMES:
            snr = _decibels(speech) - _decibels(self._noise_power / self._noise_frames)
        return Level(_decibels(speech), self._peak, self._clipped / self._samples if self._samples else 0.0, snr)


def feedback_of(level: Level, speech_seconds: float, *, in_speech: bool) -> Feedback:
    """One word for who speaks: what stands in the way, or ``ok``."""
    if not speech_seconds and not in_speech:
        return "no_voice"
    problem = problem_of(level)
    if problem is not None:
        return problem
    return "ok" if in_speech else "no_voice"


def problem_of(level: Level) -> Feedback | None:
    """What makes speech of this level useless for enrollment, if anything."""
    if level.dbfs < MIN_DBFS:
        return "too_quiet"
    if level.clipped > MAX_CLIPPED:
        return "clipping"
    if level.snr_db is not None and level.snr_db < MIN_SNR_DB:
        return "noisy"
    return None


def _decibels(power: float) -> float:
    return 10 * math.log10(power + _TINY)
