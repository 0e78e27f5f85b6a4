"""Places: the speakers of one corpus as they were recorded, and as by telephone, scored among themselves.

Where a service stands, strangers come with the same kind of recordings as those enrolled: impostors of other corpora
are easier, and are left out of a fit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import RECORDINGS, Channel, Weights
from voiceprint.errors import InputError
from voiceprint.evaluation.samples import WHOLE, Sample
from voiceprint.evaluation.trials import Trials, make_trials

__all__ = ["SIZES", "ScoredPlace", "fit_channel", "homes", "make_places"]

Floats = NDArray[np.float64]
Home = NDArray[np.intp]
SIZES = (1, 2, 3, 5, 10, 30)
HOMES, SEED = 60, 0
TELEPHONE = "telephone"
RAMP = (0.3, 0.6)
# With fewer speakers a corpus is no place of its own.
MIN_SPEAKERS = 3


@dataclass(frozen=True, slots=True)
class ScoredPlace:
    """``llr`` (probes, templates), ``between`` (templates, templates): see ``Trials``; ``simulated``: by telephone."""

    name: str
    trials: Trials
    llr: Floats
    between: Floats

    @property
    def simulated(self) -> bool:
        return self.name.endswith(TELEPHONE)

    @classmethod
    def of(cls, name: str, trials: Trials, weights: Weights) -> "ScoredPlace":
        """Scored with these weights."""
        return cls(name, trials, trials.llr(weights), trials.llr_between(weights))

    def strangers_best(self, home: Home) -> Floats:
        """Best llr of each probe of a speaker who is not in the home (n,)."""
        best: Floats = self.llr[~self.trials.same[:, home].any(axis=1)][:, home].max(axis=1)
        return best

    def nearest(self, home: Home) -> Floats:
        """Best llr of each enrolled speaker with the others of the home (n,)."""
        best: Floats = self.between[np.ix_(home, home)].max(axis=1)
        return best

    def homes(self, *, most: int = HOMES) -> Iterator[tuple[int, Home]]:
        """Random homes of all sizes that leave strangers: (recordings of each speaker, templates)."""
        for clips in (1, RECORDINGS):
            able = self.trials.templates_of(clips)
            for size in SIZES:
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
            (f"{corpus} asked by telephone", _trials(asked, channel, asked=TELEPHONE)),
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
