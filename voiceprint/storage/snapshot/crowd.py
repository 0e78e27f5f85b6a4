"""Everybody in a store, as a start reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.storage.rows import Loaded
from voiceprint.storage.snapshot.columns import People

__all__ = ["Crowd", "in_lots"]

# Taking one out of some copies the others: so few that nobody notices.
LOT = 256


@dataclass(frozen=True, slots=True)
class Crowd:
    """``damaged``: the opaque ids of those whose records do not open, or are missing."""

    people: tuple[People, ...] = ()
    damaged: tuple[str, ...] = ()

    @classmethod
    def of(cls, loaded: Loaded) -> Self:
        return cls(in_lots(loaded.speakers), loaded.damaged)

    def __len__(self) -> int:
        return sum(map(len, self.people))

    @property
    def speakers(self) -> tuple[StoredSpeaker, ...]:
        """The whole of everybody."""
        return tuple(speaker for some in self.people for speaker in some.speakers())


def in_lots(speakers: Sequence[StoredSpeaker]) -> tuple[People, ...]:
    """Speakers as people, a few together."""
    return tuple(People.of(speakers[at : at + LOT]) for at in range(0, len(speakers), LOT))
