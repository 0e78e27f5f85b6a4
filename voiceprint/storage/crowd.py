"""Everybody in a store, as a start reads them."""

from dataclasses import dataclass
from typing import Self

from voiceprint.storage.people import People
from voiceprint.storage.records import StoredSpeaker
from voiceprint.storage.rows import Loaded

__all__ = ["Crowd"]


@dataclass(frozen=True, slots=True)
class Crowd:
    """``damaged``: the opaque ids of those whose records do not open, or are missing."""

    people: tuple[People, ...] = ()
    damaged: tuple[str, ...] = ()

    @classmethod
    def of(cls, loaded: Loaded) -> Self:
        return cls((People.of(loaded.speakers),), loaded.damaged)

    def __len__(self) -> int:
        return sum(map(len, self.people))

    @property
    def speakers(self) -> tuple[StoredSpeaker, ...]:
        """The whole of everybody."""
        return tuple(speaker for some in self.people for speaker in some.speakers())
