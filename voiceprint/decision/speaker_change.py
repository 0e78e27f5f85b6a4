"""Is there only one voice in a recording? The mean of two people is the template of neither.

Speech is cut into overlapping windows, each encoded. Where two people take turns, in any order, the windows fall into
two groups that point in different directions, more than windows of one group do among themselves.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from voiceprint.audio.recording import SAMPLE_RATE, Waveform

__all__ = [
    "FALSE_ALARMS",
    "HOP_SECONDS",
    "MIN_PEOPLE",
    "MIN_SECONDS",
    "MIN_WINDOWS",
    "WINDOW_SECONDS",
    "SpeakerChangeDetector",
    "change_windows",
    "homogeneity",
]

# Threads of the matrix library that wait for more work spin, which costs more than these small products.
_THREADS = ThreadpoolController()
# Shorter windows say less about a voice, and of longer ones too few lie within a turn of 2 s.
WINDOW_SECONDS, HOP_SECONDS = 1.5, 0.5
# With less there are not two windows in either half of both groups.
MIN_SECONDS, MIN_WINDOWS = 5.0, 6
# Of fewer the mean says too little: in recordings of 5 to 8 s the false alarms came from there.
MIN_CLEAREST = 5
STARTS, MAX_MOVES = 3, 10
# Of recordings of one person, the share that may be held for two; seen with at least so many people.
FALSE_ALARMS, MIN_PEOPLE = 0.025, 40


class SpeakerChangeDetector:
    """Whether one person speaks, in speech that grows: each window is encoded once.

    ``line``: the sameness that is asked for, None where not measured; ``encode``: windows to unit (n, dimension).
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
    """How alike the two groups are that the windows fall into best, whatever the order of turns; 1.0 for too few.

    Cosine of the groups' mean directions, and the mean cosine across less that within, of the clearest half of each
    group: a window in which one speaker takes over from the other belongs to neither. ``windows``: unit (n, dimension)
    in order. Below the calibration's threshold two people probably speak.
    """
    if len(windows) < MIN_WINDOWS:
        return 1.0
    with _THREADS.limit(limits=1, user_api="blas"):
        return _homogeneity(windows.astype(np.float64))


def _homogeneity(rows: NDArray[np.float64]) -> float:
    groups = _two_groups(rows)
    kept = np.sort(np.concatenate([_clearest(rows, groups, group) for group in (0, 1)]))
    cosine, groups = rows[kept] @ rows[kept].T, groups[kept]
    apart = np.abs(np.subtract.outer(kept, kept)) * HOP_SECONDS >= WINDOW_SECONDS  # the others share sound
    same = groups[:, None] == groups
    within = [cosine[apart & same & (groups == group)] for group in (0, 1)]
    across, known = cosine[apart & ~same], [float(some.mean()) for some in within if some.size]
    if not (across.size and known):
        return 1.0
    first, second = (_unit(rows[kept][groups == group].mean(axis=0)) for group in (0, 1))
    return float(first @ second + across.mean() - np.mean(known))


def _two_groups(rows: NDArray[np.float64]) -> NDArray[np.int64]:
    """A group, 0 or 1, for each row: two means on the sphere, begun along each of the principal directions."""
    centred = rows - rows.mean(axis=0)
    sides = np.linalg.eigh(centred @ centred.T)[1][:, : -STARTS - 1 : -1]  # a tenth of the time of an SVD
    return max((_settled(rows, (side > 0).astype(np.int64)) for side in sides.T), key=lambda found: found[1])[0]


def _settled(rows: NDArray[np.float64], groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], float]:
    """The groups after each row went to the mean that it is closer to, until none moves, and how close all are."""
    for _ in range(MAX_MOVES):
        cosine = rows @ _means(rows, groups).T
        moved = cosine.argmax(axis=1)
        if moved.min() == moved.max() or np.array_equal(moved, groups):
            break
        groups = moved
    return groups, float((rows * _means(rows, groups)[groups]).sum())


def _means(rows: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.stack([_unit(rows[groups == group].mean(axis=0)) for group in (0, 1)])


def _clearest(rows: NDArray[np.float64], groups: NDArray[np.int64], group: int) -> NDArray[np.int64]:
    """Numbers of the rows of a group that are most of it and least of the other: half, MIN_CLEAREST at least."""
    cosine = rows @ _means(rows, groups).T
    members = np.flatnonzero(groups == group)
    order = np.argsort(cosine[members, 1 - group] - cosine[members, group], kind="stable")
    return members[order[: max(MIN_CLEAREST, -(-len(members) // 2))]]


def _unit(row: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(row))
    return row / length if length else row
