"""Numbers in the sentences of a decision, with digits enough to bear out what is said."""

import math

__all__ = ["distance", "too_close", "too_short"]


def too_short(heard: float, needed: float) -> str:
    """The rule for too little speech. Seconds; heard ones are rounded down, so that they never read as enough."""
    return f"{math.floor(10 * heard) / 10:.1f} s of speech were heard, {needed:.1f} s are needed"


def too_close(margin: float, needed: float) -> str:
    """The rule for two speakers without margin enough between them.

    In cosines, but not the difference of the two scores: the length of each speaker's recordings counts too.
    """
    digits = next((some for some in (2, 3) if f"{margin:.{some}f}" != f"{needed:.{some}f}"), 4)
    return (
        f"two speakers are too close to choose: {margin:.{digits}f} apart when the length of their recordings is "
        f"counted in, {needed:.{digits}f} are needed"
    )


def distance(cosine: float) -> str:
    """How far a score is from the threshold; never 0."""
    return f"{cosine:.2f}" if cosine >= 0.005 else "less than 0.01"
