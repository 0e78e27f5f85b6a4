"""Interleaved timing of two ways, so that other load on the machine affects both alike."""

import time
from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["Figures", "clocked", "interleaved"]

Figures = dict[str, float | int | None]


def clocked(action: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def interleaved(actions: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Median seconds of each way, after a round of warming up."""
    for action in actions:
        action()
    times = [[clocked(action) for action in actions] for _ in range(rounds)]
    return [float(median) for median in np.median(times, axis=0)]
