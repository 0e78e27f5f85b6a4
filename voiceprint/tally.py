"""How often each decision was given since the start; in memory only, without names, scores or times."""

import time
from collections import Counter
from collections.abc import Mapping
from threading import Lock

from voiceprint.messages import Status

__all__ = ["Tally"]


class Tally:
    """Safe to use from several threads. ``started_at``: seconds since 1970."""

    def __init__(self) -> None:
        self.started_at = time.time()
        self._lock = Lock()
        self._counts: Counter[Status] = Counter()

    def note(self, status: Status) -> None:
        """One more of these."""
        with self._lock:
            self._counts[status] += 1

    def counts(self) -> Mapping[Status, int]:
        """Those that were given at least once."""
        with self._lock:
            return dict(self._counts)
