"""How alike strangers sound where a service stands: what moves the threshold from the worst place that was measured.

Where all speak into one microphone, strangers come closer to the enrolled than where each brings their own. The
threshold starts where the promise was kept in the worst place measured. The enrolled then show the place: each of them
is an impostor to the others, and what they fall short of the worst place by is taken off, as if a few more had shown
the worst place itself. Takes that got no name show it as well; they only ever make it stricter again, up to a little
above the start, so that feeding takes cannot open the door, and cannot shut it by more than that.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["STRICTEST", "Level", "Place"]

Floats = NDArray[np.float64]
# As if so many more had shown the worst place: among the enrolled, and among takes.
PRIOR_ENROLLED, PRIOR_TAKES = 8.0, 20.0
# No one counts for more than this (llr): two enrollments of one speaker would show a lot.
LEAST, MOST = -4.0, 12.0
# Takes raise the threshold at most this far (llr) above that of the worst place measured.
STRICTEST = 2.0


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A typical llr of an impostor's best among N speakers: ``location + per_log_speaker * ln N``."""

    location: float
    per_log_speaker: float

    def at(self, gallery_size: int) -> float:
        """For a gallery of this size."""
        return self.location + self.per_log_speaker * math.log(max(gallery_size, 1))


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The worst place measured. ``nearest``: an enrolled speaker's best llr with the others; ``refused``: a stranger's
    median best; ``usual``: the score shift of an average place whose speakers are all known (llr, at most 0).
    """

    nearest: Level
    refused: Level
    usual: float

    def score_shift(self, nearest: Floats, gallery_size: int) -> float:
        """What the threshold (llr) moves by, at most 0; ``nearest`` (n,): best llr of some enrolled with the others."""
        if gallery_size < 2:
            return 0.0
        over = np.clip(nearest - self.nearest.at(gallery_size), -MOST, -LEAST).mean()
        others = gallery_size - 1
        return min(0.0, float(over) * others / (others + PRIOR_ENROLLED))

    def with_takes(self, shift: float, takes: Sequence[float]) -> float:
        """The shift after some takes without a name: their excess over ``refused`` (llr). Never below ``shift``."""
        if not takes:
            return shift
        shown = float(np.clip(np.median(takes), -MOST, -LEAST))
        mean = (PRIOR_TAKES * shift + len(takes) * shown) / (PRIOR_TAKES + len(takes))
        return min(max(shift, mean), STRICTEST)
