"""Two ways of doing the same, timed in turn, so that what else the machine does hits both."""

import time
from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["Figures", "clocked", "interleaved"]

Figures = dict[str, float | int | None]


def clocked(action: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def interleaved(actions: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Median seconds of each, after one round that does not count."""
    for action in actions:
        action()
    times = [[clocked(action) for action in actions] for _ in range(rounds)]
    return [float(median) for median in np.median(times, axis=0)]
