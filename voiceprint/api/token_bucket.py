"""The token bucket: a limit on a rate that allows bursts."""

from collections.abc import Callable

__all__ = ["TokenBucket"]


class TokenBucket:
    """Full at first; refills evenly. Not thread safe.

    ``clock`` gives seconds that do not jump.
    """

    def __init__(self, size: float, per_second: float, clock: Callable[[], float]) -> None:
        self._size, self._per_second, self._clock = size, per_second, clock
        self._left, self._at = size, clock()

    def take(self, count: float) -> float:
        """0 where ``count`` tokens were taken; else the seconds until there are enough.

        Then none were taken.
        """
        now = self._clock()
        self._left = min(self._size, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < count:
            return (count - self._left) / self._per_second
        self._left -= count
        return 0.0

    def give(self, count: float) -> None:
        """Put tokens back, or take what was already used (a negative number), which may leave a debt."""
        self._left = min(self._size, self._left + count)
