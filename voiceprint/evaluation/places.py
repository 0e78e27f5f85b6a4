"""Places: the speakers of one corpus as they were recorded, and as by telephone, scored among themselves.

Where a service stands, strangers come with the same kind of recordings as those enrolled: impostors of other corpora
are easier, and are left out of a fit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import RECORDINGS, Calibration, Channel, Weights
from voiceprint.errors import InputError
from voiceprint.evaluation.samples import WHOLE, Sample
from voiceprint.evaluation.trials import Trials, make_trials

__all__ = ["SIZES", "ScoredPlace", "above", "fit_channel", "homes", "make_places", "with_all"]

Floats = NDArray[np.float64]
Home = NDArray[np.intp]
SIZES, LARGEST = (1, 2, 3, 5, 10, 30), 85
HOMES, SEED = 60, 0
TELEPHONE = "telephone"
ASKED = f"asked by {TELEPHONE}"
RAMP = (0.3, 0.6)
# With fewer speakers a corpus is no place of its own.
MIN_SPEAKERS = 3


@dataclass(frozen=True, slots=True)
class ScoredPlace:
    """``llr`` (probes, templates): see ``Trials``; ``simulated``: by telephone."""

    name: str
    trials: Trials
    llr: Floats

    @property
    def simulated(self) -> bool:
        return self.name.endswith(TELEPHONE)

    @classmethod
    def of(cls, name: str, trials: Trials, weights: Weights) -> "ScoredPlace":
        """Scored with these weights."""
        return cls(name, trials, trials.llr(weights))

    @property
    def one_by_telephone(self) -> bool:
        """Whether all were enrolled as they are, and asked by telephone."""
        return self.name.endswith(ASKED)

    def above(self, home: Home, calibration: Calibration, target_fpir: float) -> Floats:
        """How far each probe's best in a home lies above its threshold (llr)."""
        return above(self.trials, self.llr, home, calibration, target_fpir)

    def homes(self, *, most: int = HOMES) -> Iterator[tuple[int, Home]]:
        """Random homes of all sizes that leave strangers: (recordings of each speaker, templates)."""
        for clips in (1, RECORDINGS):
            able = self.trials.templates_of(clips)
            for size in (*SIZES, LARGEST):
                yield from ((clips, home) for home in homes(able, size, most=most))


def homes(able: Home, size: int, *, most: int = HOMES) -> Iterator[Home]:
    """Random choices of ``size`` templates of several, at least one left out; all of them where each is a home."""
    rng = np.random.default_rng(SEED + size)
    if len(able) <= size:
        return
    if size == 1:
        yield from rng.permutation(able)[:most, None]
        return
    for _ in range(most):
        yield rng.permutation(able)[:size]


def above(trials: Trials, llr: Floats, home: Home, calibration: Calibration, target_fpir: float) -> Floats:
    """How far each probe's best (probes,) among the templates of a home lies above its threshold; ``llr``: of them
    all, (probes, templates).
    """
    scores = llr[:, home]
    best = scores.argmax(axis=1)
    found: Floats = scores[np.arange(len(scores)), best] - calibration.threshold(len(home), target_fpir)
    if calibration.place is None:
        return found
    found -= calibration.place.score_shifts(scores, len(home))
    apart = np.square(trials.telephone - trials.enrolled_telephone[home][best])
    found += calibration.place.one_by_telephone * apart
    return found


def with_all(samples: Sequence[Sample], channel: Channel | None, weights: Weights) -> Iterator[ScoredPlace]:
    """The speakers of several corpora as one place, such as a service has whose speakers come from many."""
    if len({one.corpus for one in samples}) > 1:
        yield ScoredPlace.of("all", make_trials([one for one in samples if one.condition == WHOLE], channel), weights)


def fit_channel(wide: Sequence[Sample], telephone: Sequence[Sample]) -> Channel | None:
    """The line between the means of recordings and of the same ones by telephone; None without them."""
    by_telephone = {(one.speaker, one.clips): one.embedding for one in telephone if one.seconds}
    pairs = [
        (one.embedding, by_telephone[one.speaker, one.clips])
        for one in wide
        if one.condition == WHOLE and (one.speaker, one.clips) in by_telephone
    ]
    if not pairs:
        return None
    start, end = np.mean(np.array(pairs, np.float64), axis=0)
    direction = (end - start) / np.sum(np.square(end - start))
    # From RAMP[0] of the way to RAMP[1]: real telephones lie half way, wide-band recordings near the start.
    low, high = RAMP
    offset = (float(-direction @ start) - low) / (high - low)
    return Channel(direction=tuple(np.round(direction / (high - low), 5).tolist()), offset=round(offset, 5))


def make_places(
    wide: Sequence[Sample], telephone: Sequence[Sample], channel: Channel | None
) -> list[tuple[str, Trials]]:
    """Each corpus with speakers enough: as it is, by telephone, and asked by telephone alone; all speakers together
    where no corpus has enough.
    """
    found: list[tuple[str, Trials]] = []
    for corpus in sorted({one.corpus for one in wide}):
        here, calls = ([one for one in some if one.corpus == corpus] for some in (wide, telephone))
        asked = [*here, *(replace(one, condition=TELEPHONE) for one in calls)]
        for name, trials in (
            (corpus, _trials(here, channel)),
            (f"{corpus} by telephone", _trials(calls, channel)),
            (f"{corpus} {ASKED}", _trials(asked, channel, asked=TELEPHONE)),
        ):
            if trials is not None:
                found.append((name, trials))
    return found or [("all", make_trials(wide, channel))]


def _trials(samples: Sequence[Sample], channel: Channel | None, *, asked: str | None = None) -> Trials | None:
    try:
        trials = make_trials(samples, channel, asked=asked)
    except InputError:  # no speaker to enroll, or no probe
        return None
    return trials if len(trials.templates_of(1)) >= MIN_SPEAKERS and (trials.same & trials.fair).any() else None
