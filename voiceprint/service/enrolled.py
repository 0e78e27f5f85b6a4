"""The enrolled speakers: all of a store's in memory, kept in sync with it."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.groups import Within, is_within
from voiceprint.domain.names import clean_name
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import SpeakerError
from voiceprint.service.scope import Scope
from voiceprint.storage.store import Loaded, Mark, Store

__all__ = ["EnrolledSpeakers", "gc_paused"]


class EnrolledSpeakers:
    """The enrolled speakers of a store, as one scope. Writers hold ``lock``; readers never see half a change.

    ``dummy_template``: a random unit vector (dimension,) of no speaker.
    """

    def __init__(self, store: Store, dimension: int) -> None:
        self.lock = RLock()
        self.damaged: tuple[str, ...] = ()
        self.dummy_template = _random_template(dimension)
        self._dimensions = dimension, store.previous_encoder.dimension if store.previous_encoder else dimension
        self._store = store
        self._whole = Scope(self.lock, self._dimensions)
        self._seen_version = -1
        self._fresh_as_of = 0.0
        self._mark: Mark | None = None
        self.refresh()

    def refresh(self) -> None:
        """Read what another process wrote to the store; cheap where nothing changed.

        Of many that ask at once one reads, for all that asked before it began.
        """
        asked = time.monotonic()
        with self.lock:
            if asked < self._fresh_as_of:
                return
            began = time.monotonic()
            version = self._store.data_version()
            if version != self._seen_version:
                with gc_paused():
                    loaded = self._read()
                self._mark, self.damaged = loaded.mark, loaded.damaged
                self._seen_version = version
            self._fresh_as_of = began

    # Scopes

    def scope(self, within: Within = None) -> Scope:  # noqa: ARG002 - on demand it counts
        """A scope that holds the speakers of the groups, and perhaps others. Raises LimitError, StoreError."""
        return self._whole

    def loaded(self, within: Within = None) -> Scope | None:  # noqa: ARG002 - on demand it counts
        """As ``scope``, without reading the store; None where that would be needed."""
        return self._whole

    # Speakers

    def all(self, within: Within = None) -> list[StoredSpeaker]:
        """All speakers of the groups, by name."""
        self.refresh()
        return self.scope(within).all(within)

    def each(self) -> Iterator[StoredSpeaker]:
        """All speakers, in any order."""
        return iter(self._whole.all())

    def count(self, within: Within = None) -> int:
        """Number of speakers of the groups, those pending reenrollment included."""
        return self._whole.count(within)

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of speakers enrolled by the store's encoder, and of those pending reenrollment."""
        return len(self._whole.gallery), len(self._whole.pending)

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        """The speaker of an id, or None."""
        return self._whole.get(speaker_id)

    def named(self, name: str) -> StoredSpeaker | None:
        """The speaker of a name, or None."""
        return self._whole.named(name)

    def with_content(self, content: str) -> StoredSpeaker | None:
        """The speaker enrolled from the file of this keyed hash, or None."""
        return self._whole.with_content(content)

    def speaker(self, speaker_id: str, within: Within = None) -> StoredSpeaker:
        """The speaker of an id, within the groups. Raises SpeakerError (``unknown_speaker``)."""
        found = self.get(speaker_id)
        if found is None or not is_within(found.profile.groups, within):
            raise SpeakerError("unknown_speaker", "Nobody is enrolled with that id.")
        return found

    def find(self, name_or_id: str) -> StoredSpeaker | None:
        """The speaker of an id, else of a name, else None."""
        self.refresh()
        return self.get(name_or_id) or self.named(name_or_id)

    def free_name(self, name: str, *, holder_id: str | None = None) -> str:
        """The name as stored. Raises SpeakerError: ``bad_name``, ``name_taken`` by another id."""
        cleaned = clean_name(name)
        holder = self.named(cleaned)
        if holder is not None and holder.id != holder_id:
            raise SpeakerError("name_taken", "Somebody is enrolled under this name already.")
        return cleaned

    # Changes, by who holds the lock

    def put(self, speaker: StoredSpeaker) -> None:
        """Take over a speaker added or changed."""
        self._whole.put(speaker)

    def rename(self, speaker: StoredSpeaker) -> None:
        """Take over a speaker's profile; the template stays."""
        self._whole.rename(speaker)

    def remove(self, speaker_id: str) -> None:
        """Remove a speaker's profile and template."""
        self._whole.remove(speaker_id)

    # Inside

    def _read(self) -> Loaded:
        """Take over what changed in the store since the mark."""
        loaded = self._store.load(self._mark)
        if loaded.whole:
            self._whole = Scope(self.lock, self._dimensions, loaded.speakers)
            return loaded
        for speaker_id in self._whole.speaker_ids() - loaded.mark.generations.keys():
            self.remove(speaker_id)
        for speaker in loaded.speakers:
            self.put(speaker)
        return loaded


def _random_template(dimension: int) -> NDArray[np.float32]:
    vector = np.random.default_rng().normal(size=dimension)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@contextmanager
def gc_paused() -> Iterator[None]:
    """A context without garbage collection, which would take half the time of reading a store."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
