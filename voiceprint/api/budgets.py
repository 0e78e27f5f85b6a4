"""Budgets of callers: answers per token, claims per speaker, rejections until a lock.

Operators are not counted: they see the scores anyway. Everything is in memory; a start of the server begins anew.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from threading import Lock
from typing import TypeVar

from voiceprint.api.token_bucket import TokenBucket
from voiceprint.config import Settings
from voiceprint.domain.caller import Caller
from voiceprint.domain.vocabulary import Status
from voiceprint.errors import LimitError

__all__ = ["Budgets", "Claim"]

REJECTIONS, LOCK_SECONDS, REJECTIONS_IN_ALL = 5, 30.0, 50
# More keys than any honest day has; the oldest go first.
MAX_KEYS = 20_000
MAX_ID = 64
_HOUR = 3600.0

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class _Record:
    """``rejections``: since the last accepted claim, those under way included."""

    rejections: int = 0
    locked_until: float = 0.0


class Budgets:
    """Thread safe. ``clock`` gives seconds and must not jump."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float]) -> None:
        self._answers_an_hour = settings.max_answers_per_hour
        self._claims_an_hour = settings.max_claims_per_hour
        self._decoding_an_hour = settings.max_decoding_seconds_per_hour
        self._clock = clock
        self._lock = Lock()
        self._buckets: OrderedDict[tuple[str, str], TokenBucket] = OrderedDict()
        self._records: OrderedDict[tuple[str | None, str], _Record] = OrderedDict()

    def ask(self, caller: Caller, answers: int = 1) -> None:
        """Spend ``answers`` tokens or none; more than an hourly budget cost the full budget.

        Raises LimitError (``too_many_answers``).
        """
        if (wait := self._spend(caller, ("token", caller.token_id or ""), self._answers_an_hour, answers)) > 0:
            raise LimitError(
                "too_many_answers",
                f"This token has had the {self._answers_an_hour} answers of an hour; try again in {wait:.0f} s.",
                retry_seconds=wait,
            )

    def may_guess(self, caller: Caller) -> bool:
        """Whether an answer is left for a guess; if so, it is spent."""
        return self._spend(caller, ("token", caller.token_id or ""), self._answers_an_hour) == 0

    def give_back(self, caller: Caller) -> None:
        """An answer that was paid for will not be given."""
        if not caller.sees_scores:
            self._give(("token", caller.token_id or ""), count=1.0)

    def may_decode(self, caller: Caller) -> None:
        """Raises LimitError (``too_much_decoding``) where the seconds of an hour are used up."""
        if (wait := self._spend(caller, _decoding(caller), self._decoding_an_hour, 0)) > 0:
            raise LimitError(
                "too_much_decoding",
                f"The recordings of this token took the {self._decoding_an_hour} seconds of an hour to decode; "
                f"{_when(wait)}.",
                retry_seconds=wait,
            )

    def decoded(self, caller: Caller, seconds: float) -> None:
        """Spend what was worked, also where less is left."""
        if not caller.sees_scores:
            self._give(_decoding(caller), count=-seconds)

    @contextmanager
    def decoding(self, caller: Caller) -> Iterator[None]:
        """For the time of work on a file, which costs the seconds that it takes. Raises as ``may_decode``."""
        self.may_decode(caller)
        began = self._clock()
        try:
            yield
        finally:
            self.decoded(caller, self._clock() - began)

    def claim(self, caller: Caller, speaker_id: str) -> "Claim":
        """A claim under way, for one answer; closed without one it costs nothing.

        Counts the same for ids of no speaker. Raises LimitError: ``too_many_claims``, ``claim_locked``.
        """
        if caller.sees_scores:
            return Claim(None, self._lock, self._clock)
        speaker_id = _bounded(speaker_id)
        with self._lock:
            record = _kept(self._records, (caller.token_id, speaker_id), _Record)
            if record.rejections >= REJECTIONS_IN_ALL:
                raise LimitError(
                    "claim_locked",
                    f"This claim was rejected {record.rejections} times and is locked: ask an operator to unlock it "
                    "(People on the page, or DELETE /v1/speakers/ID/lock).",
                )
            if (wait := record.locked_until - self._clock()) > 0:
                raise LimitError(
                    "claim_locked",
                    f"This claim was rejected {record.rejections} times; {_when(wait)}.",
                    retry_seconds=wait,
                )
            record.rejections += 1
        own, all_tokens = ("claims", f"{caller.token_id} {speaker_id}"), ("speaker", speaker_id)
        wait = self._spend(caller, own, max(1, self._claims_an_hour * 3 // 4))
        if not wait and (wait := self._spend(caller, all_tokens, self._claims_an_hour)):
            self._give(own, count=1.0)
        if wait:
            with self._lock:
                record.rejections -= 1
            raise LimitError(
                "too_many_claims",
                f"This speaker was claimed too often within an hour; {_when(wait)}.",
                retry_seconds=wait,
            )
        return Claim(record, self._lock, self._clock, unpay=partial(self._give, own, all_tokens, count=1.0))

    def unlock(self, speaker_id: str) -> int:
        """The number of rejections of an id, by all tokens, that count no longer.

        The hourly budgets stay as they are.
        """
        speaker_id = _bounded(speaker_id)
        with self._lock:
            keys = [key for key in self._records if key[1] == speaker_id]
            return sum(self._records.pop(key).rejections for key in keys)

    def _spend(self, caller: Caller, key: tuple[str, str], an_hour: int, count: int = 1) -> float:
        """0 where it was paid, else the seconds until it could be."""
        if caller.sees_scores:
            return 0.0
        with self._lock:
            bucket = _kept(self._buckets, key, lambda: TokenBucket(float(an_hour), an_hour / _HOUR, self._clock))
            wait = bucket.take(min(count, an_hour))
            return max(1.0, wait) if wait else 0.0

    def _give(self, *keys: tuple[str, str], count: float) -> None:
        with self._lock:
            for bucket in filter(None, map(self._buckets.get, keys)):
                bucket.give(count)


class Claim:
    """One claim under way. Close it, or it stays counted as rejected."""

    def __init__(
        self,
        record: _Record | None,
        lock: Lock,
        clock: Callable[[], float],
        *,
        unpay: Callable[[], object] = lambda: None,
    ) -> None:
        """``unpay``: gives back what the claim cost."""
        self._record = record
        self._unpay = unpay
        self._lock = lock
        self._clock = clock

    def settle(self, status: Status) -> None:
        """Record the answer. Too little speech is none."""
        if status == "not_enough_speech":
            self.close()
            return
        record, self._record = self._record, None
        if record is None:
            return
        with self._lock:
            if status == "accepted":
                record.rejections, record.locked_until = 0, 0.0
            elif record.rejections >= REJECTIONS:
                record.locked_until = self._clock() + LOCK_SECONDS

    def close(self) -> None:
        """No answer was given: the claim does not count."""
        record, self._record = self._record, None
        if record is not None:
            with self._lock:
                record.rejections = max(0, record.rejections - 1)
            self._unpay()


def _decoding(caller: Caller) -> tuple[str, str]:
    return "decoding", caller.token_id or ""


def _bounded(speaker_id: str) -> str:
    """What is kept of an id, which may be anything that a caller made up."""
    return speaker_id if len(speaker_id) <= MAX_ID else sha256(speaker_id.encode(errors="replace")).hexdigest()


def _when(seconds: float) -> str:
    return f"try again in {max(1.0, seconds):.0f} s"


def _kept(entries: OrderedDict[K, V], key: K, make: Callable[[], V]) -> V:
    found = entries.get(key)
    if found is None:
        found = entries[key] = make()
        if len(entries) > MAX_KEYS:
            entries.popitem(last=False)
    entries.move_to_end(key)
    return found
