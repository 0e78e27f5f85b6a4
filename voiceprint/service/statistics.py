"""What was answered since the start, in numbers: in memory only, without names, ids or times."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from voiceprint.domain.vocabulary import Mode, Status
from voiceprint.service.results import Answer

__all__ = ["SCORE_BORDERS", "Statistics", "Totals"]

# Upper borders of the classes in which scores (cosines) are counted; one more class lies above the last.
SCORE_BORDERS = tuple(round(0.1 * step, 1) for step in range(11))


@dataclass(frozen=True, slots=True)
class Totals:
    """``results``: answers by mode and status; ``scores``: how many fell into each class; seconds of what was heard."""

    results: Mapping[tuple[Mode, Status], int]
    scores: tuple[int, ...]
    score_sum: float
    audio_seconds: float
    speech_seconds: float


class Statistics:
    """Safe to use from several threads. ``started_at``: seconds since 1970."""

    def __init__(self) -> None:
        self.started_at = time.time()
        self._lock = Lock()
        self._results: Counter[tuple[Mode, Status]] = Counter()
        self._scores = [0] * (len(SCORE_BORDERS) + 1)
        self._score_sum = self._audio_seconds = self._speech_seconds = 0.0

    def note(self, answer: Answer) -> None:
        """One more final answer."""
        score = answer.decision.score
        with self._lock:
            self._results[answer.mode, answer.decision.status] += 1
            self._audio_seconds += answer.utterance.audio_seconds
            self._speech_seconds += answer.utterance.speech_seconds
            if score is not None:
                self._scores[bisect_left(SCORE_BORDERS, score)] += 1
                self._score_sum += score

    def counts(self) -> Mapping[Status, int]:
        """Answers by status: those that were given at least once."""
        found: Counter[Status] = Counter()
        for (_, status), count in self.totals().results.items():
            found[status] += count
        return dict(found)

    def totals(self) -> Totals:
        """Everything, as of one moment."""
        with self._lock:
            return Totals(
                dict(self._results), tuple(self._scores), self._score_sum, self._audio_seconds, self._speech_seconds
            )
