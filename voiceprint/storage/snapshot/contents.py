"""Everybody in a store, as a start reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.storage.rows import Loaded
from voiceprint.storage.snapshot.columns import SpeakerBatch

__all__ = ["StoreContents", "in_batches"]

# Taking one out of some copies the others: so few that nobody notices.
BATCH = 256


@dataclass(frozen=True, slots=True)
class StoreContents:
    """``damaged``: the opaque ids of those whose records do not open, or are missing."""

    people: tuple[SpeakerBatch, ...] = ()
    damaged: tuple[str, ...] = ()

    @classmethod
    def of(cls, loaded: Loaded) -> Self:
        return cls(in_batches(loaded.speakers), loaded.damaged)

    def __len__(self) -> int:
        return sum(map(len, self.people))

    @property
    def speakers(self) -> tuple[StoredSpeaker, ...]:
        """The whole of everybody."""
        return tuple(speaker for some in self.people for speaker in some.speakers())


def in_batches(speakers: Sequence[StoredSpeaker]) -> tuple[SpeakerBatch, ...]:
    """Speakers as people, a few together."""
    return tuple(SpeakerBatch.of(speakers[at : at + BATCH]) for at in range(0, len(speakers), BATCH))
