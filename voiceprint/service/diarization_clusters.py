"""Which pieces of speech are one person. Pure: no audio, no model.

Agglomerative clustering with average linkage over cosines (Day and Edelsbrunner, 1984), under the rule that two heard
at once are two: the mean of a cluster says all about its mean cosine to others. Short pieces only choose a cluster.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voiceprint.service.diarization_local import Piece, Window

__all__ = ["agglomerate", "cluster_pieces", "together"]

Floats = NDArray[np.float32]
Labels = NDArray[np.intp]
NEVER = 4.0
# A piece as long as this makes clusters.
RELIABLE_SECONDS = 1.8
# What a short piece needs to belong to a cluster, and what it is worth that its local speaker is of that cluster.
LEAST_OF_SHORT, SAME_LOCAL_SPEAKER = 0.1, 0.15
# From which shares of the shorter piece on two at once are surely two, or perhaps, which is worth so much less cosine.
SURELY, PERHAPS, LESS_ALIKE = 0.5, 0.05, 0.1


def agglomerate(embeddings: Floats, weights: Floats, apart: Floats, *, least_cosine: float) -> Labels:
    """Cluster of each embedding (n,), numbered from 0 in order of appearance.

    ``weights``: (n,) in seconds; ``apart``: (n, n) by how much each pair counts as less alike, for what was heard at
    once; two clusters as much as the most of their pairs.
    """
    if not len(embeddings):
        return np.zeros(0, np.intp)
    means, weights, apart = embeddings.astype(np.float64), weights.astype(np.float64), apart.astype(np.float64)
    np.fill_diagonal(apart, NEVER)
    labels, alike = np.arange(len(means)), means @ means.T - apart
    nearest = alike.argmax(1)
    best = alike.max(1)
    while best.max() >= least_cosine:
        kept, gone = sorted((int(best.argmax()), int(nearest[best.argmax()])))
        share = weights[gone] / (weights[kept] + weights[gone])
        means[kept] += share * (means[gone] - means[kept])
        weights[kept] += weights[gone]
        apart[kept] = apart[:, kept] = np.maximum(apart[kept], apart[gone])
        apart[gone] = apart[:, gone] = NEVER
        labels[labels == gone] = kept
        alike[gone] = alike[:, gone] = -NEVER
        alike[kept] = alike[:, kept] = means @ means[kept] - apart[kept]
        # Of the others only those whose nearest was one of the two, or is the new one, have another nearest now.
        stale = np.flatnonzero((nearest == kept) | (nearest == gone) | (alike[kept] > best))
        stale = np.union1d(stale, [kept, gone])
        nearest[stale], best[stale] = alike[stale].argmax(1), alike[stale].max(1)
    return _in_order(labels)


def cluster_pieces(windows: Sequence[Window], *, least_cosine: float) -> list[list[int]]:
    """The cluster of each piece of each window, numbered from 0."""
    places = [(at, number) for at, window in enumerate(windows) for number in range(len(window.pieces))]
    apart = [less_alike(window.at_once()) for window in windows]
    clusters = [[-1] * len(window.pieces) for window in windows]
    long = [place for place in places if _piece(windows, place).seconds >= RELIABLE_SECONDS]
    centres = _put(clusters, windows, apart, long, least_cosine, first=0)
    short = [place for place in places if clusters[place[0]][place[1]] < 0]
    for at, number in short:
        if len(centres):
            clusters[at][number] = _closest(windows[at], number, clusters[at], apart[at][number], centres)
    left = [place for place in short if clusters[place[0]][place[1]] < 0]
    _put(clusters, windows, apart, left, LEAST_OF_SHORT, first=len(centres))
    return clusters


def together(windows: Sequence[Window], clusters: Sequence[Sequence[int]]) -> Floats:
    """(clusters, clusters): by how much each pair counts as less alike, for what was heard at once."""
    count = max((cluster for found in clusters for cluster in found), default=-1) + 1
    frames = np.zeros((count, count), np.float32)
    for window, found in zip(windows, clusters, strict=True):
        if found:
            np.add.at(frames, np.ix_(found, found), window.at_once())
    return less_alike(frames)


def less_alike(frames: Floats) -> Floats:
    """(n, n): by how much pieces count as less alike that are spoken at once in so many frames, of so many of their own
    on the diagonal.

    Two at once are two; but at a handover, or with an echo, one is heard as two for a moment.
    """
    own = np.maximum(1, frames.diagonal())
    share = frames / np.minimum.outer(own, own)
    found = np.where(share >= SURELY, NEVER, np.where(share >= PERHAPS, LESS_ALIKE, 0)).astype(np.float32)
    np.fill_diagonal(found, 0)
    return found


def _put(
    clusters: list[list[int]],
    windows: Sequence[Window],
    apart: Sequence[Floats],
    places: Sequence[tuple[int, int]],
    least_cosine: float,
    *,
    first: int,
) -> Floats:
    """The unit centres of the new clusters, which are numbered from ``first``."""
    if not places:
        return np.zeros((0, 0), np.float32)
    pieces = [_piece(windows, place) for place in places]
    embeddings = np.stack([piece.embedding for piece in pieces])
    weights = np.array([piece.seconds for piece in pieces], np.float32)
    found = agglomerate(embeddings, weights, _apart(apart, places), least_cosine=least_cosine)
    for (at, number), cluster in zip(places, found.tolist(), strict=True):
        clusters[at][number] = first + cluster
    centres = np.stack([weights[found == cluster] @ embeddings[found == cluster] for cluster in range(found.max() + 1)])
    unit: Floats = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    return unit


def _apart(apart: Sequence[Floats], places: Sequence[tuple[int, int]]) -> Floats:
    """(places, places) of that in each window."""
    where, number = np.array(places).T
    found = np.zeros((len(places), len(places)), np.float32)
    for at in np.unique(where):
        its = np.flatnonzero(where == at)
        found[np.ix_(its, its)] = apart[at][np.ix_(number[its], number[its])]
    return found


def _closest(window: Window, number: int, clusters: Sequence[int], apart: Floats, centres: Floats) -> int:
    """The cluster of a short piece, -1 where none is close; ``clusters``: of the window's pieces so far; ``apart``: by
    how much each of them counts as less alike.
    """
    piece = window.pieces[number]
    cosines = centres @ piece.embedding
    for other, cluster, less in zip(window.pieces, clusters, apart.tolist(), strict=True):
        if 0 <= cluster < len(centres):
            cosines[cluster] -= less
            if other.slot == piece.slot and other.seconds >= RELIABLE_SECONDS:
                cosines[cluster] += SAME_LOCAL_SPEAKER
    best = int(cosines.argmax())
    return best if cosines[best] >= LEAST_OF_SHORT else -1


def _piece(windows: Sequence[Window], place: tuple[int, int]) -> Piece:
    return windows[place[0]].pieces[place[1]]


def _in_order(labels: Labels) -> Labels:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
