"""Equal error rate of the student on held-out speakers, over all pairs of pieces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .batches import unit
from .data import SAMPLE_RATE, Shard, Wave

Embed = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Watched:
    """Pieces of held-out speakers, cut to `seconds`: waves float32 (n, num_samples), speakers."""

    waves: NDArray[np.float32]
    speakers: NDArray[np.str_]
    teacher: NDArray[np.float32]


def watched(shards: Sequence[Shard], seconds: float = 2.2) -> Watched:
    """The held-out pieces of the plain voice. Speakers with one piece only add impostor pairs."""
    waves: list[Wave] = []
    names: list[str] = []
    rows = []
    samples = round(seconds * SAMPLE_RATE)
    for shard in shards:
        for i in np.flatnonzero(shard.held):
            start = shard.starts[i]
            waves.append(np.asarray(shard.waves[start : start + samples], dtype=np.float32) / np.float32(32767))
            names.append(shard.speakers[i])
            rows.append(shard.teacher[i])
    return Watched(np.stack(waves), np.array(names), np.stack(rows))


def embed_all(waves: NDArray[np.float32], embed: Embed, size: int = 32) -> NDArray[np.float32]:
    """Vectors of equally long waves, float32 (n, 192), not normalised."""
    with torch.inference_mode():
        rows = [embed(torch.from_numpy(waves[i : i + size])).cpu() for i in range(0, len(waves), size)]
    return np.asarray(torch.cat(rows).numpy(), dtype=np.float32)


def equal_error_rate(score: NDArray[np.float32], same: NDArray[np.bool_]) -> float:
    """Equal error rate of scores (n,), in [0, 1]; NaN when there is no pair of one of the two kinds."""
    if not same.any() or same.all():
        return float("nan")
    truth = same[np.argsort(-score, kind="stable")]
    miss = 1 - np.cumsum(truth) / truth.sum()
    false = np.cumsum(~truth) / (~truth).sum()
    at = np.argmin(np.abs(miss - false))
    return float((miss[at] + false[at]) / 2)


def rates(vectors: NDArray[np.float32], watched: Watched) -> dict[str, float]:
    """Equal error rate within each corpus (the name's first part) and over all; and beside the teacher.

    `mixed`: the student's rows against the teacher's of other pieces, which may be longer; `cosine`: of the two vectors
    of one piece; `apart_same`, `apart_other`: standard deviation of the difference between mixed and teacher scores.
    """
    corpus = np.array([name.split("/")[0] for name in watched.speakers])
    rows, teacher = unit(vectors), unit(watched.teacher)
    found = {c: _pairs(rows, rows, watched.speakers, corpus == c) for c in np.unique(corpus)}
    same = watched.speakers[:, None] == watched.speakers[None]
    other = ~np.eye(len(rows), dtype=bool)
    apart = rows @ teacher.T - teacher @ teacher.T
    return {
        **found,
        "all": _pairs(rows, rows, watched.speakers),
        "mixed": _pairs(rows, teacher, watched.speakers),
        "teacher": _pairs(teacher, teacher, watched.speakers),
        "cosine": float((rows * teacher).sum(1).mean()),
        "apart_same": float(apart[same & other].std()),
        "apart_other": float(apart[~same].std()),
    }


def _pairs(
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    speakers: NDArray[np.str_],
    chosen: NDArray[np.bool_] | slice = slice(None),
) -> float:
    """Equal error rate over all pairs of two different chosen pieces."""
    speakers = speakers[chosen]
    score = rows[chosen] @ columns[chosen].T
    other = ~np.eye(len(score), dtype=bool)
    return equal_error_rate(score[other], (speakers[:, None] == speakers[None])[other])
