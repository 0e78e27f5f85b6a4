"""From the clusters of local speakers to spans of speech: all windows that look at a moment are heard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.recording import SAMPLE_RATE
from voiceprint.encoding.segmentation import FIRST_FRAME_SAMPLES
from voiceprint.service.diarization_local import FRAME_SECONDS, HOP_FRAMES, WINDOW_FRAMES, Window

__all__ = ["Runs", "Span", "spans_of"]

# How much speech the windows must hear on average for one speaker, and for two: less than a half more, because
# a window that begins in the middle of a turn knows less.
SPOKEN = (0.3, 1.3)
# A pause shorter than this belongs to the speech around it; speech shorter than this is none.
PAUSE_SECONDS, SHORTEST_SECONDS = 0.5, 0.15


@dataclass(frozen=True, slots=True)
class Span:
    """``cluster`` speaks from ``start`` to ``end``, in seconds from the beginning of the recording."""

    start: float
    end: float
    cluster: int


# By the number of a hop: the clusters of the windows that look at it, and its runs, which follow from them.
Runs = dict[int, tuple[tuple[tuple[int, ...], ...], list[tuple[int, int, int]]]]


def spans_of(windows: Sequence[Window], clusters: Sequence[Sequence[int]], known: Runs | None = None) -> list[Span]:
    """The spans in order; at most two speakers at once. ``clusters``: of the pieces of each window.

    ``known``: from an earlier look at the same windows, brought up to date here; a hop is not looked at twice.
    """
    known = {} if known is None else known
    open_spans: dict[int, tuple[int, int]] = {}
    spans: list[Span] = []
    for hop in range(len(windows) + WINDOW_FRAMES // HOP_FRAMES):
        seen = tuple(tuple(clusters[number]) for number in _looking(windows, hop))
        if hop not in known or known[hop][0] != seen:
            known[hop] = seen, list(_hop(windows, clusters, hop))
        for cluster, start, end in known[hop][1]:
            before = open_spans.get(cluster)
            if before and (start - before[1]) * FRAME_SECONDS < PAUSE_SECONDS:
                open_spans[cluster] = (before[0], end)
            else:
                spans += _closed(cluster, before)
                open_spans[cluster] = (start, end)
    for cluster, frames in open_spans.items():
        spans += _closed(cluster, frames)
    return sorted(spans, key=lambda span: (span.start, span.end))


def _closed(cluster: int, frames: tuple[int, int] | None) -> Iterator[Span]:
    if frames and (frames[1] - frames[0]) * FRAME_SECONDS >= SHORTEST_SECONDS:
        start, end = (at * FRAME_SECONDS + FIRST_FRAME_SAMPLES / SAMPLE_RATE for at in frames)
        yield Span(round(start, 3), round(end, 3), cluster)


def _hop(windows: Sequence[Window], clusters: Sequence[Sequence[int]], hop: int) -> Iterator[tuple[int, int, int]]:
    """Cluster, first frame and frame after the last of each run within a hop."""
    looking = _looking(windows, hop)
    there = sorted({cluster for number in looking for cluster in clusters[number]})
    heard = np.zeros((HOP_FRAMES, len(there)), np.float32)
    looks = np.full((HOP_FRAMES, 1), 1e-9, np.float32)
    for number in looking:
        cut = slice((hop - number) * HOP_FRAMES, (hop - number + 1) * HOP_FRAMES)
        seen, said_by = windows[number].activity[cut], _labels(windows[number], clusters[number])[cut]
        looks[: len(seen)] += 255
        for column, cluster in enumerate(there):
            heard[: len(seen), column] += (seen * (said_by == cluster)).max(1)
    spoken = _loudest(heard / looks)
    for column, cluster in enumerate(there):
        edges = np.flatnonzero(np.diff(spoken[:, column], prepend=False, append=False))
        for start, end in edges.reshape(-1, 2).tolist():
            yield cluster, hop * HOP_FRAMES + start, hop * HOP_FRAMES + end


def _looking(windows: Sequence[Window], hop: int) -> range:
    """The windows that look at a hop."""
    return range(max(0, hop - (WINDOW_FRAMES - 1) // HOP_FRAMES), min(hop + 1, len(windows)))


def _loudest(share: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(frames, clusters): as many as are heard at once, those that most windows heard.

    How many speak is more certain than which of two clusters it is.
    """
    count = (share.sum(1, keepdims=True) >= SPOKEN).sum(1, keepdims=True)
    rank = (-share).argsort(1, kind="stable").argsort(1, kind="stable")
    loudest: NDArray[np.bool_] = (rank < count) & (share > 0)
    return loudest


def _labels(window: Window, clusters: Sequence[int]) -> NDArray[np.intp]:
    """(frames, 3): the cluster of whatever a local speaker says there, that of the nearest piece; -1 for none."""
    labels = np.full(window.activity.shape, -1)
    ends: dict[int, int] = {}
    for piece, cluster in zip(window.pieces, clusters, strict=True):
        begin = (ends[piece.slot] + piece.first) // 2 if piece.slot in ends else 0
        labels[begin:, piece.slot] = cluster
        ends[piece.slot] = piece.last
    return labels
