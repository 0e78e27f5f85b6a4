"""Can this be heard well enough? Levels, and what stands in the way.

The limits were set on real recordings by the error rates of what would be enrolled (docs/decisions.md).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.segmenter import FRAME_SAMPLES
from voiceprint.domain.vocabulary import Feedback, Notice, Problem

__all__ = [
    "Level",
    "LevelMeter",
    "feedback_of",
    "frame_powers",
    "level_of_speech",
    "problem_of",
    "sentence_of",
    "warnings_of",
]

FULL_SCALE = 0.999
# Below the first a recording is refused, below the second it is taken with a warning.
MIN_DBFS, LOW_DBFS = -60.0, -50.0
MIN_SNR_DB, LOW_SNR_DB = 3.0, 10.0
MAX_CLIPPED, HIGH_CLIPPED = 0.10, 0.02
SPEECH = 0.5
# With less audio the softest part of a word is taken for the noise.
MIN_NOISE_FRAMES = 50
# The noise under the speech is heard in the softest tenth of the frames: a beep, a ring or music beside it is louder.
NOISE_SHARE = 0.1
# Powers are counted by the decibel.
_LOWEST_DB, _STEPS = -100, 111
# Frame power is summed above this: DC, hum and rumble lie below, and of speech no more than the fundamental.
LOWEST_HZ = 120.0
_TINY = 1e-10

_WINDOW = np.hanning(FRAME_SAMPLES).astype(np.float32)
_BIN_HZ = 16_000 / FRAME_SAMPLES
_LOWEST_BIN = math.ceil(LOWEST_HZ / _BIN_HZ)


@dataclass(frozen=True, slots=True)
class Level:
    """Of the frames with speech: ``dbfs`` (mean power, -100 without speech), ``peak``, ``clipped`` (fraction of samples
    at full scale). ``snr_db``: speech over the noise under it, None where too little was heard to tell.
    """

    dbfs: float
    peak: float
    clipped: float
    snr_db: float | None


class LevelMeter:
    """Adds up, block by block. Powers are those above LOWEST_HZ."""

    def __init__(self) -> None:
        self.latest_dbfs = -100.0
        self._speech_power = 0.0
        self._speech_frames = 0
        self._counts = np.zeros(_STEPS, np.int64)
        self._peak = 0.0
        self._clipped = 0

    def take(self, frames: NDArray[np.float32], probabilities: NDArray[np.float32]) -> None:
        """``frames``: (n, FRAME_SAMPLES); ``probabilities``: (n,), of speech in each."""
        if not len(frames):
            return
        powers = frame_powers(frames)
        decibels = 10 * np.log10(powers + _TINY)
        self.latest_dbfs = float(decibels[-1])
        steps = np.clip(np.round(decibels).astype(np.int64) - _LOWEST_DB, 0, _STEPS - 1)
        self._counts += np.bincount(steps, minlength=_STEPS)
        speech = probabilities >= SPEECH
        if speech.any():
            magnitude = np.abs(frames[speech])
            # One after the other: any cut of the audio into blocks gives the same to the last bit.
            self._speech_power = sum(powers[speech].tolist(), self._speech_power)
            self._speech_frames += int(speech.sum())
            self._peak = max(self._peak, float(magnitude.max()))
            self._clipped += int(np.count_nonzero(magnitude >= FULL_SCALE))

    def level(self) -> Level:
        """Of everything so far."""
        if not self._speech_frames:
            return Level(-100.0, 0.0, 0.0, None)
        speech, noise = self._speech_power / self._speech_frames, self._noise_power()
        snr = None if noise is None else _decibels(max(speech - noise, _TINY) / noise)
        return Level(_decibels(speech), self._peak, self._clipped / (self._speech_frames * FRAME_SAMPLES), snr)

    def _noise_power(self) -> float | None:
        """The power that NOISE_SHARE of the frames stay below."""
        below = np.cumsum(self._counts)
        if below[-1] < MIN_NOISE_FRAMES:
            return None
        return float(10 ** ((_LOWEST_DB + int(np.searchsorted(below, NOISE_SHARE * below[-1]))) / 10))


def level_of_speech(samples: NDArray[np.float32]) -> Level:
    """The level of samples (n,) that are all speech: how noisy they are cannot be told."""
    meter = LevelMeter()
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    meter.take(frames, np.ones(len(frames), np.float32))
    return replace(meter.level(), snr_db=None)


def frame_powers(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean power of each frame (n, FRAME_SAMPLES) above LOWEST_HZ: (n,). Frames are windowed against leakage of DC."""
    spectrum = np.fft.rfft(frames * _WINDOW, axis=1)[:, _LOWEST_BIN:]
    power: NDArray[np.float64] = np.square(np.abs(spectrum)).sum(axis=1, dtype=np.float64)
    return 2 * power / (FRAME_SAMPLES * float(np.square(_WINDOW).sum()))


def feedback_of(level: Level, speech_seconds: float, *, in_speech: bool) -> Feedback:
    """One word for the speaker: what stands in the way, or ``ok``."""
    if not speech_seconds and not in_speech:
        return "no_voice"
    problem = problem_of(level)
    if problem is not None:
        return problem
    return "ok" if in_speech else "no_voice"


def problem_of(level: Level) -> Problem | None:
    """What makes speech of this level useless for enrollment, if anything."""
    return _beyond(level, MIN_DBFS, MAX_CLIPPED, MIN_SNR_DB)


def warnings_of(level: Level) -> tuple[Notice, ...]:
    """What is doubtful about speech of this level."""
    problem = _beyond(level, LOW_DBFS, HIGH_CLIPPED, LOW_SNR_DB)
    return () if problem is None else (Notice(code=problem, message=sentence_of(problem, level)),)


def sentence_of(problem: Problem, level: Level) -> str:
    """The problem for people."""
    match problem:
        case "too_quiet":
            return f"The speech is very quiet ({level.dbfs:.0f} dBFS): speak closer to the microphone or turn it up."
        case "clipping":
            return f"The sound is overdriven ({level.clipped:.0%} of it is at full scale): turn the microphone down."
        case "noisy":
            return f"The noise under the speech is nearly as loud as the speech ({level.snr_db or 0:.0f} dB apart)."


def _beyond(level: Level, dbfs: float, clipped: float, snr_db: float) -> Problem | None:
    if level.dbfs < dbfs:
        return "too_quiet"
    if level.clipped > clipped:
        return "clipping"
    if level.snr_db is not None and level.snr_db < snr_db:
        return "noisy"
    return None


def _decibels(power: float) -> float:
    return 10 * math.log10(power + _TINY)
