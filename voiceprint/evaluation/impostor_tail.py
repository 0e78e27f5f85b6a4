"""How high do strangers score, in homes of many sizes and places? What the threshold follows from.

Logistic regression tells strangers from enrolled speakers by the best llr, the size of the home and what the next best
show (see ``place``). What is left of the best then has a Gumbel tail, whose location is that of the worst place.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import RECORDINGS, Tail
from voiceprint.decision.place import SHARE, Level, Place, known_share, next_best
from voiceprint.errors import InputError
from voiceprint.evaluation.places import ScoredPlace
from voiceprint.evaluation.regression import logistic

__all__ = ["MOST_BY_TELEPHONE", "WORST", "OpenTrials", "fit_tail", "open_trials", "weigh"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
QUANTILES = (0.9, 0.95, 0.98, 0.99, 0.995)
# In the worst of several places so many times the promised share of strangers may be named.
WORST = 2.0
# Probabilities are those of a place so far on the way from an average one to the worst.
CAUTION = 0.5
# Probes of each kind that are drawn from a home.
DRAWN, SEED = 100, 0
# Simulated telephones are not all telephones: they lower the threshold at most this far (llr), and places of fewer
# speakers say nothing about it.
MOST_BY_TELEPHONE, FEWEST_BY_TELEPHONE = 1.0, 20


@dataclass(frozen=True, slots=True)
class OpenTrials:
    """Probes (n,) against homes of a place: ``stranger``, or of an enrolled speaker who is the best; ``met``: mean llr
    of the next best, 0 where there is none.
    """

    stranger: Flags
    size: Floats
    best: Floats
    met: Floats

    def features(self) -> Floats:
        """(n, 4): what the log odds are a sum of."""
        known = np.array([known_share(int(size)) for size in self.size])
        best = self.best - SHARE * known * self.met
        return np.stack([np.ones(len(known)), best, np.log(self.size), 1 - known], axis=1)


def open_trials(place: ScoredPlace) -> OpenTrials:
    """Some of the probes against each home of the place."""
    rng = np.random.default_rng(SEED)
    parts = []
    for _, home in place.homes():
        llr, same = place.llr[:, home], place.trials.same[:, home]
        own = same.any(axis=1) & place.trials.fair[:, home].all(axis=1)
        own &= same[np.arange(len(llr)), llr.argmax(axis=1)]
        for stranger, asked in ((True, ~same.any(axis=1)), (False, own)):
            chosen = rng.permutation(np.flatnonzero(asked))[:DRAWN]
            met = next_best(llr[chosen]) if len(home) > 1 else np.zeros(len(chosen))
            size = np.full(len(chosen), float(len(home)))
            parts.append((np.full(len(chosen), stranger), size, llr[chosen].max(axis=1, initial=-np.inf), met))
    return OpenTrials(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def weigh(places: Sequence[ScoredPlace], trials: Sequence[OpenTrials]) -> Floats:
    """The weights (4,) of ``OpenTrials.features``; kinds count the same, and a place by the root of its speakers."""
    x, y, share = [], [], []
    for place, found in zip(places, trials, strict=True):
        importance = math.sqrt(len({probe.speaker for probe in place.trials.probes}))
        for kind in (found.stranger, ~found.stranger):
            sizes, at, count = np.unique(found.size[kind], return_inverse=True, return_counts=True)
            x.append(found.features()[kind])
            y.append((~found.stranger[kind]).astype(np.float64))
            share.append(importance / max(len(sizes), 1) / count[at])
    return logistic(np.concatenate(x), np.concatenate(y), np.concatenate(share) / sum(map(np.sum, share)))


def fit_tail(places: Sequence[ScoredPlace]) -> tuple[Tail, Place, Floats]:
    """The Gumbel tail of strangers' best llr, what the next best move it by, and each place's location (n,).

    Its location is where the worst place names ``WORST`` times the promised share. Raises InputError
    (``too_few_speakers``).
    """
    trials = [open_trials(place) for place in places]
    if not any(found.stranger.any() for found in trials):
        raise InputError("too_few_speakers", "There are too few recordings of strangers to see how high they score.")
    offset, per_llr, per_log_speaker, unmet = weigh(places, trials).tolist()
    left = [found.features() @ [0.0, per_llr, per_log_speaker, unmet] / per_llr for found in trials]
    locations, scale = _gumbel([some[found.stranger] for some, found in zip(left, trials, strict=True)], trials)
    start = float(np.nanmax(locations)) - (scale * math.log(WORST) if len(places) > 1 else 0.0)
    medians = [float(np.median(some[found.stranger])) for some, found in zip(left, trials, strict=True)]
    place = Place(
        next_best=_next_best(trials),
        unmet=-unmet / per_llr / SHARE,
        refused=float(np.nanmean(np.array(medians) - locations)),
        one_by_telephone=_allowance(places, locations, float(np.nanmax(locations))),
        odds=offset + per_llr * (start - CAUTION * float(np.nanmax(locations) - np.nanmean(locations))),
        odds_per_llr=per_llr,
    )
    return Tail(location=start, per_log_speaker=-per_log_speaker / per_llr, scale=scale), place, locations


def _gumbel(strangers: Sequence[Floats], trials: Sequence[OpenTrials]) -> tuple[Floats, float]:
    """Each place's location (n,), and the scale of all, through the upper quantiles for each size of home."""
    rows = [
        (number, -math.log(-math.log(quantile)), float(np.quantile(best[size == one], quantile)))
        for number, (best, size) in enumerate((b, t.size[t.stranger]) for b, t in zip(strangers, trials, strict=True))
        for one in np.unique(size)
        for quantile in QUANTILES
        if (size == one).sum() * (1 - quantile) >= 1
    ]
    if not rows:
        raise InputError("too_few_speakers", "There are too few recordings of strangers to see how high they score.")
    table = np.array(rows)
    locations, (scale,) = _lines(table[:, 0], table[:, 1:2], table[:, 2], count=len(trials))
    return locations, scale


def _next_best(trials: Sequence[OpenTrials]) -> Level:
    """What strangers meet next where it is closest, by the size of the gallery."""
    rows = np.array(
        [
            (number, math.log(size), float(found.met[found.stranger & (found.size == size)].mean()))
            for number, found in enumerate(trials)
            for size in np.unique(found.size[found.stranger])
            if size > 1
        ]
    )
    locations, (per_log_speaker,) = _lines(rows[:, 0], rows[:, 1:2], rows[:, 2])
    return Level(location=float(np.nanmax(locations)), per_log_speaker=per_log_speaker)


def _allowance(places: Sequence[ScoredPlace], locations: Floats, worst: float) -> float:
    """How far below the worst place of all the worst one lies of those that are asked by telephone alone."""
    able = [len(place.trials.templates_of(RECORDINGS)) >= FEWEST_BY_TELEPHONE for place in places]
    asked = [at for at, one, place in zip(locations, able, places, strict=True) if one and place.one_by_telephone]
    return 0.0 if not asked else float(np.clip(worst - max(asked), 0.0, MOST_BY_TELEPHONE))


def _lines(place: Floats, x: Floats, y: Floats, *, count: int = 0) -> tuple[Floats, list[float]]:
    """Least squares with a location for each place (n,) and common slopes."""
    there = np.unique(place)
    found = np.linalg.lstsq(np.hstack([place[:, None] == there, x]), y, rcond=None)[0]
    locations = np.full(max(count, int(there.max()) + 1), np.nan)
    locations[there.astype(int)] = found[: len(there)]
    return locations, found[len(there) :].tolist()
