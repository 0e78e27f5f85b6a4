"""How high do strangers score, in homes of many sizes and places? What the threshold follows from."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import Tail
from voiceprint.decision.place import Level, Place
from voiceprint.errors import InputError
from voiceprint.evaluation.places import ScoredPlace

__all__ = ["fit_place", "fit_tail"]

Floats = NDArray[np.float64]
QUANTILES = (0.9, 0.95, 0.98, 0.99, 0.995)
# In the worst of several places, before takes were heard, so many times the promised share of strangers may be named.
WORST = 2.0


def fit_tail(places: Sequence[ScoredPlace]) -> tuple[Tail, Floats]:
    """The Gumbel line through the upper quantiles of strangers' best llr; and the location of each place (n,).

    Its own location is where the worst place names ``WORST`` times the promised share, its slopes are those of all.
    Raises InputError (``too_few_speakers``).
    """
    rows = [
        (number, size, -np.log(-np.log(quantile)), float(np.quantile(best, quantile)))
        for number, place in enumerate(places)
        for size, best in _bests(place)
        for quantile in QUANTILES
        if len(best) * (1 - quantile) >= 1
    ]
    if len({size for _, size, _, _ in rows}) < 2:
        raise InputError("too_few_speakers", "There are too few recordings of strangers to see how high they score.")
    table = np.array(rows)
    locations, (per_log_speaker, scale) = _lines(table[:, 0], np.c_[np.log(table[:, 1]), table[:, 2]], table[:, 3])
    start = float(np.nanmax(locations)) - (scale * math.log(WORST) if len(places) > 1 else 0.0)
    return Tail(location=start, per_log_speaker=per_log_speaker, scale=scale), locations


def fit_place(places: Sequence[ScoredPlace], tail: Tail, locations: Floats) -> Place:
    """What the enrolled score with one another, and refused strangers, where the threshold starts.

    ``locations``: of the places' tails. ``nearest`` is so low that in no place the enrolled bring the threshold down to
    where more than ``WORST`` times the promised share of strangers gets a name. Takes aim at the promise itself.
    """
    below = np.nanmax(locations) - locations
    promised = tail.location - locations
    nearest, per_nearest = _levels([_nearest(place) for place in places])
    refused, per_refused = _levels([[(n, float(np.median(best))) for n, best in _bests(place)] for place in places])
    reference = float(np.nanmin(nearest + below))
    return Place(
        nearest=Level(location=reference, per_log_speaker=per_nearest),
        refused=Level(location=float(np.nanmean(refused + promised)), per_log_speaker=per_refused),
        usual=min(0.0, float(np.nanmean(nearest)) - reference),
    )


def _bests(place: ScoredPlace) -> Iterator[tuple[int, Floats]]:
    """Size of the homes, and strangers' best llr in all homes of that size and number of recordings."""
    found: dict[tuple[int, int], list[Floats]] = {}
    for clips, home in place.homes():
        found.setdefault((clips, len(home)), []).append(place.strangers_best(home))
    for (_, size), best in found.items():
        yield size, np.concatenate(best)


def _nearest(place: ScoredPlace) -> list[tuple[int, float]]:
    return [(len(home), float(place.nearest(home).mean())) for _, home in place.homes() if len(home) > 1]


def _levels(shown: Sequence[Sequence[tuple[int, float]]]) -> tuple[Floats, float]:
    """Each place's location, NaN for one that shows nothing, and the common slope by ln of the size."""
    rows = np.array([(number, size, value) for number, some in enumerate(shown) for size, value in some])
    locations, (per_log_speaker,) = _lines(rows[:, 0], np.log(rows[:, 1:2]), rows[:, 2], count=len(shown))
    return locations, per_log_speaker


def _lines(place: Floats, x: Floats, y: Floats, *, count: int = 0) -> tuple[Floats, list[float]]:
    """Least squares with a location for each place (n,) and common slopes."""
    there = np.unique(place)
    found = np.linalg.lstsq(np.hstack([place[:, None] == there, x]), y, rcond=None)[0]
    locations = np.full(max(count, int(there.max()) + 1), np.nan)
    locations[there.astype(int)] = found[: len(there)]
    return locations, found[len(there) :].tolist()
