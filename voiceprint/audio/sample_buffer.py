"""Samples that grow at their end, to be looked at as one piece at any time without being put together each time."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["SampleBuffer"]

Samples = NDArray[np.float32]
_FIRST_SAMPLES = 16_000


class SampleBuffer:
    """``samples``: float32 (num_samples,), all so far. What was given out is never changed by what comes later."""

    def __init__(self) -> None:
        self._room: Samples = np.empty(_FIRST_SAMPLES, np.float32)
        self._count = 0

    @property
    def samples(self) -> Samples:
        return self._room[: self._count]

    def append(self, more: Samples) -> None:
        needed = self._count + len(more)
        if needed > len(self._room):
            room = np.empty(max(needed, 2 * len(self._room)), np.float32)
            room[: self._count] = self.samples
            self._room = room
        self._room[self._count : needed] = more
        self._count = needed
