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
# a window that begins in the middle of a turn, or hears a second one far from the microphone, knows less.
SPOKEN = (0.3, 1.15)
# A pause shorter than this belongs to the speech around it; speech shorter than this is none, and than that neither,
# while another speaks.
PAUSE_SECONDS, SHORTEST_SECONDS, SHORTEST_BESIDE_SECONDS = 0.4, 0.15, 0.45


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
    return list(_without_flicker(sorted(spans, key=lambda span: (span.start, span.end))))


def _without_flicker(spans: Sequence[Span]) -> Iterator[Span]:
    """The spans but for short ones within another."""
    until = 0.0
    for span in spans:
        if span.end > until or span.end - span.start >= SHORTEST_BESIDE_SECONDS:
            yield span
        until = max(until, span.end)


def _closed(cluster: int, frames: tuple[int, int] | None) -> Iterator[Span]:
    if frames and (frames[1] - frames[0]) * FRAME_SECONDS >= SHORTEST_SECONDS:
        start, end = (at * FRAME_SECONDS + FIRST_FRAME_SAMPLES / SAMPLE_RATE for at in frames)
        yield Span(round(start, 3), round(end, 3), cluster)


def _hop(windows: Sequence[Window], clusters: Sequence[Sequence[int]], hop: int) -> Iterator[tuple[int, int, int]]:
    """Cluster, first frame and frame after the last of each run within a hop."""
    looking = _looking(windows, hop)
    there = sorted({cluster for number in looking for cluster in clusters[number]})
    heard = np.zeros((HOP_FRAMES, len(there)), np.float32)
    speech = np.zeros((HOP_FRAMES, 1), np.float32)
    looks = np.full((HOP_FRAMES, 1), 1e-9, np.float32)
    labels = {number: np.append(clusters[number], -1)[windows[number].holders()] for number in looking}
    for number in looking:
        cut = slice((hop - number) * HOP_FRAMES, (hop - number + 1) * HOP_FRAMES)
        seen, said_by = windows[number].activity[cut], labels[number][cut]
        looks[: len(seen)] += 255
        speech[: len(seen)] += seen.sum(1, keepdims=True)
        for column, cluster in enumerate(there):
            heard[: len(seen), column] += (seen * (said_by == cluster)).max(1)
    spoken = _loudest(heard / looks, speech / looks)
    for column, cluster in enumerate(there):
        edges = np.flatnonzero(np.diff(spoken[:, column], prepend=False, append=False))
        for start, end in edges.reshape(-1, 2).tolist():
            yield cluster, hop * HOP_FRAMES + start, hop * HOP_FRAMES + end


def _looking(windows: Sequence[Window], hop: int) -> range:
    """The windows that look at a hop."""
    return range(max(0, hop - (WINDOW_FRAMES - 1) // HOP_FRAMES), min(hop + 1, len(windows)))


def _loudest(share: NDArray[np.float32], speech: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(frames, clusters): as many as are heard at once, those that most windows heard.

    ``share``: of the windows that heard each cluster; ``speech``: (frames, 1) of all local speakers, those too weak to
    be in a cluster included: how many speak is more certain than who.
    """
    count = (speech >= SPOKEN).sum(1, keepdims=True)
    rank = (-share).argsort(1, kind="stable").argsort(1, kind="stable")
    loudest: NDArray[np.bool_] = (rank < count) & (share > 0)
    return loudest
