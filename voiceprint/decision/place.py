"""How alike strangers sound where a service stands: what moves the threshold from a typical one to that of a probe.

Where all speak into one microphone, strangers come closer to the enrolled than where each brings their own: not to one
of them alone, but to all who were recorded as they are. So a probe itself shows the place, by the llr of the next best
speakers after the best: a stranger from the place comes close to several, an enrolled speaker to one (as in score
normalisation with a cohort of top scorers, with the gallery as the cohort). What the next best are above those of a
stranger in a typical one-device place raises the threshold of this probe by a share of it, what they are below lowers
it. With few enrolled they count less, as if ``PRIOR`` more speakers had been met who sound as strangers usually do.

Takes that got no name show the place as well; they only ever make the threshold stricter, up to a little above the
start, so that feeding takes cannot open the door, and cannot shut it by more than that.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["NEIGHBOURS", "SHARE", "STRICTEST", "Level", "Place", "known_share", "next_best"]

Floats = NDArray[np.float64]
# The next best that count, and as if so many more had been met; among takes, as if so many had raised nothing.
NEIGHBOURS, PRIOR, PRIOR_TAKES = 5, 2.0, 20.0
# Of what they show, this part moves the threshold: what regression finds for the strongest encoder measured.
SHARE = 0.5
# Takes raise the threshold at most this far (llr): nearly all of what they keep from strangers comes with so little,
# and the enrolled who are missed raise it, too, and would shut the door on themselves by more.
STRICTEST = 0.5


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A typical llr among N speakers: ``location + per_log_speaker * ln N``."""

    location: float
    per_log_speaker: float

    def at(self, gallery_size: int) -> float:
        """For a gallery of this size."""
        return self.location + self.per_log_speaker * math.log(max(gallery_size, 1))


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``next_best``: mean llr of these for a stranger where all share a device; ``unmet``: the llr that counts where
    no other speaker is enrolled; ``refused``: a stranger's median best, from the location of the tail;
    ``one_by_telephone``: what the threshold is lower by where only one of the recordings is by telephone; ``odds``,
    ``odds_per_llr``: the log odds that the best speaks, at the location of the tail and for each llr above.
    """

    next_best: Level
    unmet: float
    refused: float
    one_by_telephone: float
    odds: float
    odds_per_llr: float

    def typical(self, gallery_size: int) -> float:
        """What the next best of a stranger in a one-device place add to the threshold (llr)."""
        known = known_share(gallery_size)
        return SHARE * (known * self.next_best.at(gallery_size) + (1 - known) * self.unmet)

    def score_shifts(self, llr: Floats, gallery_size: int) -> Floats:
        """What the threshold of each probe (n,) moves by from there; ``llr`` (n, m): of its candidates, at least the
        best ``NEIGHBOURS`` + 1 of the gallery.
        """
        if llr.shape[1] < 2:
            return np.zeros(len(llr))
        return SHARE * known_share(gallery_size) * (next_best(llr) - self.next_best.at(gallery_size))

    def with_takes(self, takes: Sequence[float]) -> float:
        """What takes without a name raise the threshold by (llr), from 0 to ``STRICTEST``; ``takes``: how far each
        came above a stranger's usual best.
        """
        if not takes:
            return 0.0
        mean = len(takes) * float(np.median(takes)) / (PRIOR_TAKES + len(takes))
        return min(max(0.0, mean), STRICTEST)

    def log_odds(self, above: float) -> float:
        """That the best speaks, not a stranger, both held as likely; ``above``: llr from the location of the tail."""
        return self.odds + self.odds_per_llr * above


def next_best(llr: Floats) -> Floats:
    """The mean of the next best ``NEIGHBOURS``, or fewer, after the best of each row (n, m of two or more)."""
    count = min(NEIGHBOURS, llr.shape[1] - 1)
    ranked = np.partition(llr, [-count - 1, -1], axis=1)[:, -count - 1 :]
    found: Floats = (ranked.sum(axis=1) - ranked.max(axis=1)) / count
    return found


def known_share(gallery_size: int) -> float:
    """What the next best of a gallery of this size count, from 0 for one speaker to 1."""
    met = min(NEIGHBOURS, gallery_size - 1)
    return met / (met + PRIOR) if met > 0 else 0.0
