"""How high do strangers score, in galleries of many sizes and places? What the threshold follows from."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import Nearest, Tail
from voiceprint.errors import InputError
from voiceprint.evaluation.samples import ENROLLED_CLIPS
from voiceprint.evaluation.trials import Trials

__all__ = ["fit_nearest", "fit_tail", "score_shift_in", "strangers_best"]

Floats = NDArray[np.float64]
Gallery = NDArray[np.intp]
GALLERIES, SIZES, SEED = 60, 8, 0
TAIL_QUANTILES = (0.9, 0.95, 0.98, 0.99, 0.995)
# So many probes of strangers show such quantiles, and so many people make a place of their own.
MIN_STRANGERS, MIN_PLACE = 1000, 10


def strangers_best(trials: Trials, score: Floats, gallery: Gallery) -> Floats:
    """Best score of each probe (probes,) in a gallery of templates; NaN for those whose speaker is in it."""
    best: Floats = score[:, gallery].max(axis=1)
    best[trials.same[:, gallery].any(axis=1)] = np.nan
    return best


def score_shift_in(gallery: Gallery, between: Floats, nearest: Nearest | None) -> float:
    """How much more alike than usual the people of a gallery sound (llr). ``between``: of all templates."""
    if nearest is None or len(gallery) < 2:
        return 0.0
    return nearest.score_shift(between[np.ix_(gallery, gallery)].max(axis=1), len(gallery))


def fit_nearest(trials: Trials, between: Floats) -> Nearest:
    """What is usual: the mean of the enrolled people's highest llr with the others, over galleries of several sizes."""
    rng = np.random.default_rng(SEED)
    rows, values = [], []
    for able in _by_clips(trials, np.ones(len(trials.enrolled), bool)):
        for size in _sizes(able, smallest=2):
            for _ in range(GALLERIES):
                gallery = rng.permutation(able)[:size]
                rows.append([1.0, np.log(size)])
                values.append(between[np.ix_(gallery, gallery)].max(axis=1).mean())
    location, per_log_speaker = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0].tolist()
    return Nearest(location=location, per_log_speaker=per_log_speaker)


def fit_tail(trials: Trials, llr: Floats, score_shift: Callable[[Gallery], float]) -> tuple[Tail, int]:
    """The Gumbel line through the upper quantiles of strangers' best llr, and the largest gallery looked at.

    Over galleries of several sizes, of people enrolled with one recording and with three, drawn from all corpora and
    from each alone: where a service stands, strangers come with the same kind of recordings as those enrolled. All
    share the line's slopes; its place is that of the corpus whose strangers come highest, so that the promise is kept
    in each. Raises InputError (``too_few_speakers``).
    """
    rows, values, place = [], [], []
    for number, (probes, templates) in enumerate(_places(trials)):
        for size, quantile, value in _quantiles(trials, llr, score_shift, probes, templates):
            rows.append([np.log(size), -np.log(-np.log(quantile))])
            values.append(value)
            place.append(number)
    if len(rows) < 3 * len(TAIL_QUANTILES):
        raise InputError("too_few_speakers", "There are too few recordings of strangers to see how high they score.")
    there = np.unique(place)
    columns = np.hstack([np.array(place)[:, None] == there, np.array(rows)])
    *locations, per_log_speaker, scale = np.linalg.lstsq(columns, np.array(values), rcond=None)[0].tolist()
    largest = int(0.75 * len(trials.templates_of(ENROLLED_CLIPS)))
    return Tail(location=max(locations), per_log_speaker=per_log_speaker, scale=scale), largest


def _quantiles(
    trials: Trials,
    llr: Floats,
    score_shift: Callable[[Gallery], float],
    probes: NDArray[np.bool_],
    templates: NDArray[np.bool_],
) -> Iterator[tuple[int, float, float]]:
    """Gallery size, quantile, and what that share of these strangers stays below."""
    rng = np.random.default_rng(SEED)
    conditions = np.array([probe.condition for probe in trials.probes])[probes]
    for able in _by_clips(trials, templates):
        for size in _sizes(able, smallest=1):
            galleries = [rng.permutation(able)[:size] for _ in range(GALLERIES)]
            best = np.stack([strangers_best(trials, llr, at)[probes] - score_shift(at) for at in galleries])
            for condition in np.unique(conditions):
                strangers = best[:, conditions == condition]
                strangers = strangers[np.isfinite(strangers)]
                for quantile in TAIL_QUANTILES if len(strangers) >= MIN_STRANGERS else ():
                    yield size, quantile, float(np.quantile(strangers, quantile))


def _places(trials: Trials) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Which probes and which templates: everybody, and each corpus with people enough where there are several."""
    corpus_of = {probe.speaker: probe.corpus for probe in trials.probes}
    asked = np.array([probe.corpus for probe in trials.probes])
    enrolled = np.array([corpus_of.get(who.speaker, "") for who in trials.enrolled])
    yield np.ones(len(asked), bool), np.ones(len(enrolled), bool)
    for corpus in np.unique(asked):
        here = enrolled == corpus
        if (
            not here.all()
            and len(np.intersect1d(np.flatnonzero(here), trials.templates_of(ENROLLED_CLIPS))) >= MIN_PLACE
        ):
            yield asked == corpus, here


def _by_clips(trials: Trials, templates: NDArray[np.bool_]) -> Iterator[Gallery]:
    for clips in sorted({who.clips for who in trials.enrolled}):
        yield np.array([at for at in trials.templates_of(clips) if templates[at]], np.intp)


def _sizes(able: Gallery, *, smallest: int) -> list[int]:
    largest = int(0.75 * len(able))
    if largest < smallest:
        return []
    return sorted({round(size) for size in np.geomspace(smallest, largest, SIZES).tolist()})
