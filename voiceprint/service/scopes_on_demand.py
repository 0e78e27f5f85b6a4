"""Scopes on demand: the speakers of the groups that are asked for, in memory within a budget.

Names and groups are sealed in the rows, and the database must not learn them: so each row is opened once at the start,
and an index of ids is kept. A scope is loaded at its first use and evicted when it was not used for longest; one that a
stream holds on to stays alive, and counts.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from weakref import WeakSet

from voiceprint.domain.groups import Within
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import ConfigError, LimitError
from voiceprint.service.enrolled import EnrolledSpeakers, gc_paused
from voiceprint.service.scope import SCOPE_BYTES, Scope
from voiceprint.service.speaker_index import SpeakerIndex
from voiceprint.storage.store import Loaded, Mark, Store

__all__ = ["MEGABYTE", "ScopeMemory", "ScopesOnDemand"]

MEGABYTE = 1_000_000
# Speakers read at a time, of all.
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class ScopeMemory:
    """``loaded``: number of scopes in memory; ``known``: number of groups; ``bytes``: of the index and the scopes."""

    loaded: int
    known: int
    bytes: int
    budget: int


class ScopesOnDemand(EnrolledSpeakers):
    """Each set of groups that is asked for is a scope of its own."""

    def __init__(self, store: Store, dimension: int, *, budget: int) -> None:
        """``budget``: bytes for the index and all scopes in memory. Raises ConfigError where the index is larger."""
        self._budget = budget
        self._index = SpeakerIndex()
        self._recent: OrderedDict[Within, Scope] = OrderedDict()  # the latest last
        self._evicted: WeakSet[Scope] = WeakSet()  # those still in use
        super().__init__(store, dimension)
        if self._index.bytes > budget:
            raise ConfigError(
                "bad_setting",
                f"To know {len(self._index)} speakers alone takes about {self._index.bytes // MEGABYTE + 1} MB;"
                f" memory_megabytes is {budget // MEGABYTE}.",
            )

    @property
    def memory(self) -> ScopeMemory:
        """What is in memory now."""
        with self.lock:
            return ScopeMemory(len(self._alive()), self._index.group_count, self._used(), self._budget)

    # Scopes

    def scope(self, within: Within = None) -> Scope:
        """The scope of the groups. Raises LimitError (``scope_too_large``), StoreError."""
        with self.lock:
            scope = self.loaded(within) or self._load(within)
            self._recent[within] = scope
            self._recent.move_to_end(within)
            self._evicted.discard(scope)
            return scope

    def loaded(self, within: Within = None) -> Scope | None:
        with self.lock:
            return self._recent.get(within) or next((one for one in self._evicted if one.within == within), None)

    # Speakers

    def each(self) -> Iterator[StoredSpeaker]:
        return self._read_some(self._index.ids())

    def count(self, within: Within = None) -> int:
        with self.lock:
            return len(self._index) if within is None else len(self._index.in_groups(within))

    @property
    def sizes(self) -> tuple[int, int]:
        return len(self._index) - len(self._index.pending), len(self._index.pending)

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        groups = self._index.groups(speaker_id)
        if groups is None:
            return None
        for within in (*(frozenset((group,)) for group in groups), None):
            scope = self._recent.get(within)
            if scope is not None and (speaker := scope.get(speaker_id)) is not None:
                return speaker
        return next(self._read_some((speaker_id,)), None)

    def named(self, name: str) -> StoredSpeaker | None:
        with self.lock:
            speaker_id = self._index.named(name)
        return None if speaker_id is None else self.get(speaker_id)

    def with_content(self, content: str) -> StoredSpeaker | None:
        found = (one for one in self.each() if content in (take.content for take in one.enrollments))
        return next(found, None) if content else None

    # Changes

    def put(self, speaker: StoredSpeaker) -> None:
        self._index.put(speaker)
        for scope in self._alive():
            scope.put(speaker)
        self._evict(self._budget)

    def rename(self, speaker: StoredSpeaker) -> None:
        self._index.put(speaker)
        for scope in self._alive():
            scope.rename(speaker)

    def remove(self, speaker_id: str) -> None:
        self._index.remove(speaker_id)
        for scope in self._alive():
            scope.remove(speaker_id)

    # Inside

    def _read(self) -> Loaded:
        loaded = self._store.load(self._mark, into=self.put)
        for speaker_id in self._index.ids() - loaded.mark.generations.keys():
            self.remove(speaker_id)
        if loaded.whole:
            self._recent.clear()
            self._evicted.clear()
        return loaded

    def _load(self, within: Within) -> Scope:
        ids = self._index.in_groups(within)
        self._make_room(SCOPE_BYTES + self._index.bytes_of(ids))
        with gc_paused():
            scope = Scope(self.lock, self._dimensions, list(self._read_some(ids)), within=within)
        if damaged := ids - scope.speaker_ids():
            self.damaged = tuple(sorted({*self.damaged, *damaged}))
        return scope

    def _read_some(self, speaker_ids: Collection[str]) -> Iterator[StoredSpeaker]:
        ids = iter(speaker_ids)
        while some := tuple(islice(ids, _BATCH)):
            yield from self._store.some(some, self._mark or Mark())

    def _make_room(self, needed: int) -> None:
        """Let so many bytes more be used. Raises LimitError (``scope_too_large``), with nothing evicted in vain."""
        if self._index.bytes + needed <= self._budget:
            self._evict(self._budget - needed)
        left = max(0, self._budget - self._index.bytes)
        if self._used() + needed > self._budget:
            raise LimitError(
                "scope_too_large",
                f"These voices need about {needed // MEGABYTE + 1} MB, and --memory leaves {left // MEGABYTE} MB:"
                " ask within fewer groups, or let the server use more.",
            )

    def _evict(self, limit: int) -> None:
        """Let go of what was not used for longest, until no more than the limit is used."""
        while self._recent and self._used() > limit:
            self._evicted.add(self._recent.popitem(last=False)[1])

    def _alive(self) -> list[Scope]:
        return [*self._recent.values(), *self._evicted]

    def _used(self) -> int:
        return self._index.bytes + sum(scope.bytes for scope in self._alive())
