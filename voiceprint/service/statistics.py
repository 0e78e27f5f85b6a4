"""Counts of the answers since the start: in memory only, without names, ids or times."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from voiceprint.domain.vocabulary import Mode, Status
from voiceprint.service.results import Answer

__all__ = ["SCORE_BOUNDS", "Statistics", "Totals"]

# Upper bounds of the histogram of scores (cosines); one more bin lies above the last.
SCORE_BOUNDS = tuple(round(0.1 * step, 1) for step in range(11))


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts at one moment.

    ``results``: answers by mode and status; ``scores``: count of each bin of the histogram.
    """

    results: Mapping[tuple[Mode, Status], int]
    scores: tuple[int, ...]
    score_sum: float
    audio_seconds: float
    speech_seconds: float


class Statistics:
    """Counts final answers. Thread safe. ``started_at``: seconds since 1970."""

    def __init__(self) -> None:
        self.started_at = time.time()
        self._lock = Lock()
        self._results: Counter[tuple[Mode, Status]] = Counter()
        self._scores = [0] * (len(SCORE_BOUNDS) + 1)
        self._score_sum = self._audio_seconds = self._speech_seconds = 0.0

    def note(self, answer: Answer) -> None:
        """Count a final answer."""
        score = answer.decision.score
        with self._lock:
            self._results[answer.mode, answer.decision.status] += 1
            self._audio_seconds += answer.utterance.audio_seconds
            self._speech_seconds += answer.utterance.speech_seconds
            if score is not None:
                self._scores[bisect_left(SCORE_BOUNDS, score)] += 1
                self._score_sum += score

    def counts(self) -> Mapping[Status, int]:
        """Count of answers by status, without the statuses never given."""
        found: Counter[Status] = Counter()
        for (_, status), count in self.totals().results.items():
            found[status] += count
        return dict(found)

    def totals(self) -> Totals:
        """A consistent copy of all counts."""
        with self._lock:
            return Totals(
                dict(self._results), tuple(self._scores), self._score_sum, self._audio_seconds, self._speech_seconds
            )
