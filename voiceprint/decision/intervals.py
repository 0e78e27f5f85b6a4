"""How sure one can be of a rate."""

import math
from dataclasses import dataclass

__all__ = ["Interval", "share"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


def share(hits: int, trials: int) -> Interval:
    """A share of independent trials with Wilson's 95 % interval; no hits in n trials reach up to about 3/n."""
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    z, p = 1.959964, hits / trials
    middle = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    reach = z / (1 + z**2 / trials) * math.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
    low = 0.0 if hits == 0 else float(middle - reach)
    high = 1.0 if hits == trials else float(middle + reach)
    return Interval(p, low, max(high, 1 - 0.05 ** (1 / trials)) if hits == 0 else high)
