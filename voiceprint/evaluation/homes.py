"""Homes: a few speakers of one corpus enrolled, all others of it strangers, many times over.

The rates are means over homes. Recordings that were not heard, and speakers who could not be enrolled, count as missed
(failure to acquire and to enroll: ISO/IEC 19795-1).
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import RECORDINGS, Calibration
from voiceprint.errors import InputError
from voiceprint.evaluation.places import SIZES, Home, ScoredPlace, homes
from voiceprint.evaluation.samples import WHOLE, Sample
from voiceprint.evaluation.trials import UNDECIDED, make_trials

__all__ = ["HomesRow", "measure_homes"]

Flags = NDArray[np.bool_]
MOST, SHORT = 200, "2 s"


class HomesRow(msgspec.Struct, frozen=True, kw_only=True):
    """Means over ``homes`` of ``size`` speakers with ``clips`` recordings each; ``above_1``, ``above_5``: the share of
    homes with an FPIR above 1 % and 5 %; ``short``: asked with 2 s of speech; ``unheard``: the part of ``fnir``
    that was not heard, or too short to be decided upon.
    """

    corpus: str
    size: int
    clips: int
    homes: int
    fpir: float
    fnir: float
    unheard: float
    fpir_short: float
    fnir_short: float
    above_1: float
    above_5: float


def measure_homes(samples: Sequence[Sample], calibration: Calibration, target_fpir: float) -> Iterator[HomesRow]:
    """One row for each corpus, size and number of recordings that the speakers suffice for."""
    for corpus in sorted({sample.corpus for sample in samples}):
        here = [sample for sample in samples if sample.corpus == corpus and sample.condition in (WHOLE, SHORT)]
        try:
            trials = make_trials(here, calibration.channel, unheard=True)
        except InputError:  # no speaker with recordings enough
            continue
        place = ScoredPlace.of(corpus, trials, calibration.weights)
        short = np.array([probe.condition == SHORT for probe in trials.probes])
        for clips in (1, RECORDINGS):
            able, lost = trials.templates_of(clips), _lost(here, clips)
            for size in SIZES:
                each = [_judge(place, home, calibration, target_fpir, short) for home in homes(able, size, most=MOST)]
                if each:
                    yield _row(corpus, size, clips, np.array(each), lost)


def _lost(samples: Sequence[Sample], clips: int) -> float:
    """The share of speakers with so many recordings who could not be enrolled."""
    asked = [sample for sample in samples if sample.condition == WHOLE]
    able = {one.speaker for one in asked if sum(other.speaker == one.speaker for other in asked) >= clips}
    heard = {one.speaker for one in asked if one.seconds and one.clips == (clips - 1,)}
    return 1 - len(heard) / len(able) if able else 0.0


def _judge(
    place: ScoredPlace, home: Home, calibration: Calibration, target_fpir: float, short: Flags
) -> tuple[float, float, float, float, float]:
    """FPIR and FNIR of one home, of whole recordings and of short pieces; and what was not heard of the whole ones."""
    scores, same = place.llr[:, home], place.trials.same[:, home]
    best, own = scores.max(axis=1), same.any(axis=1)
    fair = own & place.trials.fair[:, home].all(axis=1)
    named = place.above(home, calibration, target_fpir) >= 0
    if len(home) > 1:
        named &= best - np.partition(scores, -2, axis=1)[:, -2] >= calibration.margin
    missed = ~(named & same[np.arange(len(best)), scores.argmax(axis=1)])
    whole, unheard = ~short, best <= UNDECIDED
    chosen = (
        named[~own & whole],
        missed[fair & whole],
        named[~own & short],
        missed[fair & short],
        unheard[fair & whole],
    )
    fpir, fnir, fpir_short, fnir_short, silent = (_mean(some) for some in chosen)
    return fpir, fnir, fpir_short, fnir_short, silent


def _mean(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else np.nan


def _row(corpus: str, size: int, clips: int, each: NDArray[np.float64], lost: float) -> HomesRow:
    fpir, fnir, fpir_short, fnir_short, unheard = (
        float(np.mean(c[np.isfinite(c)])) if np.isfinite(c).any() else np.nan for c in each.T
    )
    return HomesRow(
        corpus=corpus,
        size=size,
        clips=clips,
        homes=len(each),
        fpir=fpir,
        fnir=lost + (1 - lost) * fnir,
        unheard=lost + (1 - lost) * unheard,
        fpir_short=fpir_short,
        fnir_short=lost + (1 - lost) * fnir_short,
        above_1=float(np.mean(each[:, 0] > 0.01)),
        above_5=float(np.mean(each[:, 0] > 0.05)),
    )
