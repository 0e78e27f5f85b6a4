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
NEVER = -2.0
# A piece as long as this makes clusters.
RELIABLE_SECONDS = 1.8
# What a short piece needs to belong to a cluster, and what it is worth that its local speaker is of that cluster.
LEAST_OF_SHORT, SAME_LOCAL_SPEAKER = 0.1, 0.15


def agglomerate(embeddings: Floats, weights: Floats, apart: NDArray[np.bool_], *, least_cosine: float) -> Labels:
    """Cluster of each embedding (n,), numbered from 0 in order of appearance.

    ``weights``: (n,) in seconds; ``apart``: (n, n) which are never one person.
    """
    if not len(embeddings):
        return np.zeros(0, np.intp)
    means, weights, apart = embeddings.astype(np.float64), weights.astype(np.float64), apart.copy()
    np.fill_diagonal(apart, val=True)
    labels, alike = np.arange(len(means)), np.where(apart, NEVER, means @ means.T)
    nearest = alike.argmax(1)
    best = alike.max(1)
    while best.max() >= least_cosine:
        kept, gone = sorted((int(best.argmax()), int(nearest[best.argmax()])))
        share = weights[gone] / (weights[kept] + weights[gone])
        means[kept] += share * (means[gone] - means[kept])
        weights[kept] += weights[gone]
        apart[kept] |= apart[gone]
        apart[:, kept] = apart[kept]
        apart[gone] = apart[:, gone] = True
        labels[labels == gone] = kept
        alike[gone] = alike[:, gone] = NEVER
        alike[kept] = alike[:, kept] = np.where(apart[kept], NEVER, means @ means[kept])
        # Of the others only those whose nearest was one of the two, or is the new one, have another nearest now.
        stale = np.flatnonzero((nearest == kept) | (nearest == gone) | (alike[kept] > best))
        stale = np.union1d(stale, [kept, gone])
        nearest[stale], best[stale] = alike[stale].argmax(1), alike[stale].max(1)
    return _in_order(labels)


def cluster_pieces(windows: Sequence[Window], *, least_cosine: float) -> list[list[int]]:
    """The cluster of each piece of each window, numbered from 0."""
    places = [(at, number) for at, window in enumerate(windows) for number in range(len(window.pieces))]
    clusters = [[-1] * len(window.pieces) for window in windows]
    long = [place for place in places if _piece(windows, place).seconds >= RELIABLE_SECONDS]
    centres = _put(clusters, windows, long, least_cosine, first=0)
    short = [place for place in places if clusters[place[0]][place[1]] < 0]
    for at, number in short:
        if len(centres):
            clusters[at][number] = _closest(windows[at], number, clusters[at], centres)
    left = [place for place in short if clusters[place[0]][place[1]] < 0]
    _put(clusters, windows, left, LEAST_OF_SHORT, first=len(centres))
    return clusters


def together(windows: Sequence[Window], clusters: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """(clusters, clusters): which were heard at once."""
    count = max((cluster for found in clusters for cluster in found), default=-1) + 1
    met = np.zeros((count, count), bool)
    for window, found in zip(windows, clusters, strict=True):
        if found:
            np.logical_or.at(met, np.ix_(found, found), _at_once(window.pieces, window.pieces))
    np.fill_diagonal(met, False)
    return met


def _put(
    clusters: list[list[int]],
    windows: Sequence[Window],
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
    where = np.array([at for at, _ in places])
    apart = (where[:, None] == where) & _at_once(pieces, pieces)
    found = agglomerate(embeddings, weights, apart, least_cosine=least_cosine)
    for (at, number), cluster in zip(places, found.tolist(), strict=True):
        clusters[at][number] = first + cluster
    centres = np.stack([weights[found == cluster] @ embeddings[found == cluster] for cluster in range(found.max() + 1)])
    unit: Floats = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    return unit


def _closest(window: Window, number: int, clusters: Sequence[int], centres: Floats) -> int:
    """The cluster of a short piece, -1 where none is close; ``clusters``: of the window's pieces so far."""
    piece = window.pieces[number]
    cosines = centres @ piece.embedding
    for other, cluster in zip(window.pieces, clusters, strict=True):
        if 0 <= cluster < len(centres) and other.seconds >= RELIABLE_SECONDS:
            if other.slot == piece.slot:
                cosines[cluster] += SAME_LOCAL_SPEAKER
            elif _at_once([other], [piece]).any():
                cosines[cluster] = NEVER
    best = int(cosines.argmax())
    return best if cosines[best] >= LEAST_OF_SHORT else -1


def _at_once(some: Sequence[Piece], others: Sequence[Piece]) -> NDArray[np.bool_]:
    """(some, others): whether two local speakers of one window speak them, and they overlap."""
    slot, first, last = np.array([(piece.slot, piece.first, piece.last) for piece in some]).T[:, :, None]
    slots, firsts, lasts = np.array([(piece.slot, piece.first, piece.last) for piece in others]).T
    met: NDArray[np.bool_] = (slot != slots) & (np.minimum(last, lasts) > np.maximum(first, firsts))
    return met


def _piece(windows: Sequence[Window], place: tuple[int, int]) -> Piece:
    return windows[place[0]].pieces[place[1]]


def _in_order(labels: Labels) -> Labels:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
