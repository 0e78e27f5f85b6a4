"""Is there only one voice in a recording? Two people in one enrollment would make a voiceprint of nobody.

Speech is cut into windows of 2 s, each encoded. If somebody else takes over at some point, the windows before it and
those after it point in different directions, more than the windows on either side do among themselves.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.recording import SAMPLE_RATE, Waveform

__all__ = [
    "FALSE_ALARMS",
    "HOP_SECONDS",
    "MIN_PEOPLE",
    "MIN_SECONDS",
    "WINDOW_SECONDS",
    "SpeakerChangeDetector",
    "change_windows",
    "homogeneity",
]

WINDOW_SECONDS, HOP_SECONDS = 2.0, 1.0
# With less there are not two windows on either side of a change.
MIN_SECONDS = 5.0
# Of recordings of one person, the share that may be held for two; seen with at least so many people.
FALSE_ALARMS, MIN_PEOPLE = 0.05, 40


class SpeakerChangeDetector:
    """Whether one person speaks, in speech that grows: each window is encoded once.

    ``line``: the sameness that is asked for, None where nobody measured it; ``encode``: windows to unit (n, dimension).
    """

    def __init__(
        self, line: float | None, encode: Callable[[Sequence[Waveform]], NDArray[np.float32]], *, max_seconds: float
    ) -> None:
        self._line = line
        self._encode = encode
        self._max_samples = int(max_seconds * SAMPLE_RATE)
        self._known: list[NDArray[np.float32]] = []

    def hears_several(self, speech: Waveform) -> bool:
        """Whether more than one voice seems to speak. ``speech``: all of it so far; its first ``max_seconds`` count."""
        if self._line is None:
            return False
        rows = self._rows(speech)
        return len(rows) > 0 and homogeneity(np.stack(rows)) < self._line

    def mean(self, speech: Waveform) -> NDArray[np.float32] | None:
        """The unit mean of the windows (dimension,): nearly the embedding of all speech so far, without encoding it
        again. None where there is too little speech for windows.
        """
        rows = self._rows(speech)
        if not rows:
            return None
        total = np.stack(rows).sum(axis=0)
        unit: NDArray[np.float32] = (total / np.linalg.norm(total)).astype(np.float32)
        return unit

    def _rows(self, speech: Waveform) -> list[NDArray[np.float32]]:
        """One a window. Speech only ever grows at its end: a window that is whole is settled."""
        new = change_windows(Waveform(speech.samples[: self._max_samples]))[len(self._known) :]
        self._known.extend(self._encode(new) if new else ())
        return self._known


def change_windows(speech: Waveform) -> list[Waveform]:
    """Overlapping pieces to be encoded; none where there is too little speech to tell."""
    if speech.seconds < MIN_SECONDS:
        return []
    count = int((speech.seconds - WINDOW_SECONDS) / HOP_SECONDS + 1e-6) + 1
    starts = (int(number * HOP_SECONDS * SAMPLE_RATE) for number in range(count))
    return [Waveform(speech.samples[at : at + int(WINDOW_SECONDS * SAMPLE_RATE)]) for at in starts]


def homogeneity(windows: NDArray[np.float32]) -> float:
    """The lowest, over all points where the voice may change, of how alike the two sides are: the cosine of their mean
    directions, and their mean cosine across less that within. ``windows``: unit (n, dimension) in order; 1.0 where
    there are fewer than four. Below the calibration's line two people probably speak.
    """
    count = len(windows)
    cosine = (windows @ windows.T).astype(np.float64)
    lowest = 1.0
    for at in range(2, count - 1):
        across = float(cosine[:at, at:].mean())
        before, after = cosine[:at, :at], cosine[at:, at:]
        direction = across / float(np.sqrt(before.mean() * after.mean()))
        lowest = min(lowest, direction + across - (_among(before) + _among(after)) / 2)
    return lowest


def _among(cosine: NDArray[np.float64]) -> float:
    """Mean cosine of different windows of one side."""
    count = len(cosine)
    return float((cosine.sum() - np.trace(cosine)) / (count * (count - 1)))
