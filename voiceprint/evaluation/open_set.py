"""Open-set identification: trials of random galleries, in which all other speakers are impostors."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.evaluation.metrics import fnir_at_fpir
from voiceprint.evaluation.samples import ENROLLED_CLIPS
from voiceprint.evaluation.trials import Trials

__all__ = ["OpenSet", "open_set"]

Floats = NDArray[np.float64]
ROUNDS, SEED = 40, 0
FPIRS = (0.1, 0.01, 0.001)


@dataclass(frozen=True, slots=True)
class OpenSet:
    """Many galleries of one size. ``stranger, asked`` (rounds, probes): whose best score counts as what; ``best``,
    ``gap``, ``right``: that score, or how far it is above the threshold; how far the second is behind; whether it was
    their own.
    """

    size: int
    stranger: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    best: Floats
    gap: Floats
    right: NDArray[np.bool_]

    def alarms(self, threshold: float, margin: float, chosen: NDArray[np.bool_]) -> Floats:
        """Share of galleries in which each chosen probe, as a stranger, got a name (probes,), NaN for never."""
        return _share(self._named(threshold, margin), self.stranger & chosen[None])

    def misses(self, threshold: float, margin: float, chosen: NDArray[np.bool_]) -> Floats:
        """Share of galleries in which each chosen probe of an enrolled speaker was not named rightly."""
        return _share(~(self.right & self._named(threshold, margin)), self.asked & chosen[None])

    def _named(self, threshold: float, margin: float) -> NDArray[np.bool_]:
        named: NDArray[np.bool_] = (self.best >= threshold) & (self.gap >= margin)
        return named

    def rank1(self, chosen: NDArray[np.bool_]) -> float:
        return _mean(self.right[self.asked & chosen[None]])

    def fnir_at(self, chosen: NDArray[np.bool_]) -> dict[str, float]:
        """FNIR where the threshold is put at an FPIR afterwards; only rates that the strangers can show."""
        strangers, mine = self.stranger & chosen[None], self.asked & chosen[None]
        count = int(strangers.any(axis=0).sum())
        if not count or not mine.any():
            return {}
        return {
            str(fpir): fnir_at_fpir(self.best[mine], ~self.right[mine], self.best[strangers], fpir)
            for fpir in FPIRS
            if count * fpir >= 3
        }


def open_set(
    trials: Trials,
    score: Floats,
    size: int,
    *,
    above: Callable[[NDArray[np.intp]], Floats] | None = None,
    rounds: int = ROUNDS,
) -> OpenSet:
    """``score`` (probes, templates). Galleries of ``size`` people, each enrolled with three recordings; ``above``: what
    counts in a gallery in place of each probe's best score (probes,).
    """
    able = trials.templates_of(ENROLLED_CLIPS)
    rng = np.random.default_rng(SEED)
    parts = []
    for _ in range(rounds):
        gallery = rng.permutation(able)[:size]
        scores, same = score[:, gallery], trials.same[:, gallery]
        enrolled = same.any(axis=1)
        right = same[np.arange(len(scores)), scores.argmax(axis=1)]
        second, best = np.partition(scores, -2, axis=1)[:, -2:].T
        fair = enrolled & trials.fair[:, gallery].all(axis=1)
        counts = best if above is None else above(gallery)
        parts.append((~enrolled, fair, counts, best - second, right))
    return OpenSet(size, *(np.stack(part) for part in zip(*parts, strict=True)))


def _share(happened: NDArray[np.bool_], counted: NDArray[np.bool_]) -> Floats:
    times = counted.sum(axis=0)
    with np.errstate(invalid="ignore"):
        found: Floats = np.where(times > 0, (happened & counted).sum(axis=0) / np.maximum(times, 1), np.nan)
    return found


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else math.nan
