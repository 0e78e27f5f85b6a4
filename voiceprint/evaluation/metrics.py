"""Error rates of scores, and how sure one can be of them. Pure numpy: no audio, no files.

Words: a *target* trial compares two recordings of one person, a *nontarget* trial those of two. Open set: FPIR is the
share of strangers who get a name, FNIR that of enrolled people who do not get theirs (ISO/IEC 19795-1).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.intervals import Interval

__all__ = [
    "act_dcf",
    "bootstrap",
    "cllr",
    "cllr_min",
    "det_points",
    "eer",
    "fnir_at_fpir",
    "isotonic",
    "min_dcf",
]

Scores = NDArray[np.float64]
P_TARGET = 0.01


def det_points(target: Scores, nontarget: Scores) -> tuple[Scores, Scores]:
    """Miss and false-alarm rate when the best 1, 2, ... trials are accepted, each (n,), thresholds falling."""
    scores = np.concatenate([target, nontarget])
    truth = np.concatenate([np.ones(len(target)), np.zeros(len(nontarget))])[np.argsort(-scores, kind="stable")]
    return 1 - np.cumsum(truth) / len(target), np.cumsum(1 - truth) / len(nontarget)


def eer(target: Scores, nontarget: Scores) -> float:
    """Equal error rate: where misses and false alarms are equally frequent."""
    miss, false = det_points(target, nontarget)
    at = int(np.argmin(np.abs(miss - false)))
    return float((miss[at] + false[at]) / 2)


def min_dcf(target: Scores, nontarget: Scores, *, p_target: float = P_TARGET) -> float:
    """Lowest detection cost over all thresholds, both costs 1, divided by that of accepting none (NIST SRE)."""
    miss, false = det_points(target, nontarget)
    return float(np.min(p_target * miss + (1 - p_target) * false) / p_target)


def act_dcf(target: Scores, nontarget: Scores, *, threshold: float, p_target: float = P_TARGET) -> float:
    """The same cost at the threshold that is used."""
    miss, false = float(np.mean(target < threshold)), float(np.mean(nontarget >= threshold))
    return (p_target * miss + (1 - p_target) * false) / p_target


def cllr(target: Scores, nontarget: Scores) -> float:
    """Cost in bits of log-likelihood ratios (natural logarithm); saying nothing costs 1 (Brümmer, du Preez 2006)."""
    nats = float(np.mean(np.logaddexp(0, -target))) + float(np.mean(np.logaddexp(0, nontarget)))
    return nats / (2 * math.log(2))


def cllr_min(target: Scores, nontarget: Scores) -> float:
    """Cllr of the best monotone map of the scores: what is left when calibration is perfect."""
    scores = np.concatenate([target, nontarget])
    truth = np.concatenate([np.ones(len(target)), np.zeros(len(nontarget))])
    order = np.lexsort((-truth, scores))
    posterior = np.clip(isotonic(truth[order]), 1e-12, 1 - 1e-12)
    llr = np.log(posterior / (1 - posterior)) - np.log(len(target) / len(nontarget))
    is_target = truth[order] == 1
    return cllr(llr[is_target], llr[~is_target])


def isotonic(values: Scores) -> Scores:
    """The closest rising sequence (n,), by pooling adjacent violators."""
    sums: list[float] = []
    counts: list[int] = []
    for value in values.tolist():
        total, count = value, 1
        while sums and sums[-1] * count >= total * counts[-1]:
            total += sums.pop()
            count += counts.pop()
        sums.append(total)
        counts.append(count)
    return np.repeat(np.array(sums) / np.array(counts), counts)


def fnir_at_fpir(right: Scores, wrong: NDArray[np.bool_], strangers: Scores, fpir: float) -> float:
    """Share of enrolled people's probes that are missed or misnamed where ``fpir`` of the strangers get a name.

    ``right`` (n,): best score of each probe of an enrolled speaker; ``wrong`` (n,): the best was another;
    ``strangers`` (m,): best score of each stranger's probe.
    """
    threshold = float(np.quantile(strangers, 1 - fpir))
    return float(1 - np.mean(~wrong & (right >= threshold)))


def bootstrap(
    groups: Sequence[object] | NDArray[np.generic],
    statistic: Callable[[NDArray[np.intp]], float],
    *,
    rounds: int = 200,
    seed: int = 0,
) -> Interval:
    """95 % interval of a statistic by drawing whole groups (speakers) with replacement.

    ``groups`` (n,) says whose each item is; ``statistic`` gets the indices of the drawn items, repeats included.
    """
    names, number = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(number == at) for at in range(len(names))]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(rounds):
        picked = np.concatenate([members[at] for at in rng.integers(0, len(names), len(names))])
        value = statistic(picked)
        if np.isfinite(value):
            drawn.append(value)
    whole = statistic(np.arange(len(number)))
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn else (whole, whole)
    return Interval(whole, float(low), float(high))
