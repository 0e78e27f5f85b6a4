"""All speakers of a store, as read at a start."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.storage.rows import Loaded
from voiceprint.storage.snapshot.columns import SpeakerBatch

__all__ = ["StoreContents", "in_batches"]

# Removing a speaker from a batch copies the others: few enough to take no noticeable time.
BATCH = 256


@dataclass(frozen=True, slots=True)
class StoreContents:
    """Speakers in batches. ``damaged``: opaque ids of damaged or missing ones."""

    batches: tuple[SpeakerBatch, ...] = ()
    damaged: tuple[str, ...] = ()

    @classmethod
    def of(cls, loaded: Loaded) -> Self:
        """The contents of speakers that were loaded one by one."""
        return cls(in_batches(loaded.speakers), loaded.damaged)

    def __len__(self) -> int:
        return sum(map(len, self.batches))

    @property
    def speakers(self) -> tuple[StoredSpeaker, ...]:
        """All speakers, decoded."""
        return tuple(speaker for batch in self.batches for speaker in batch.speakers())


def in_batches(speakers: Sequence[StoredSpeaker]) -> tuple[SpeakerBatch, ...]:
    """The speakers in batches of ``BATCH``."""
    return tuple(SpeakerBatch.of(speakers[at : at + BATCH]) for at in range(0, len(speakers), BATCH))
