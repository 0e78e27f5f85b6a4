"""In-memory state: the gallery and the speaker directory, kept in sync with the store."""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.outcome import EnrolledVoices
from voiceprint.decision.templates import template_of, templates_of
from voiceprint.domain.groups import Within, is_within
from voiceprint.domain.names import clean_name
from voiceprint.domain.speaker import Enrollment, StoredSpeaker
from voiceprint.errors import SpeakerError
from voiceprint.gallery.index import Gallery
from voiceprint.service.directory import SpeakerDirectory
from voiceprint.storage.store import Loaded, Mark, Store

__all__ = ["EnrolledSpeakers"]

# Speakers whose templates are made at a time.
_BATCH = 4096


class EnrolledSpeakers:
    """The enrolled speakers of a store. Writers hold ``lock``; readers never see half a change.

    ``pending``: templates of the previous encoder, of speakers pending reenrollment. ``dummy_template``: a random unit
    vector (dimension,) of no speaker. ``changes``: number of changes of templates so far.
    """

    def __init__(self, store: Store, dimension: int) -> None:
        self.lock = RLock()
        self.gallery = Gallery(dimension)
        self.pending = Gallery(store.previous_encoder.dimension if store.previous_encoder else dimension)
        self.damaged: tuple[str, ...] = ()
        self.changes = 0
        self.dummy_template = _random_template(dimension)
        self._store = store
        self._directory = SpeakerDirectory()
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
                self._read()
                self._seen_version = version
                self.changes += 1
            self._fresh_as_of = began

    def _read(self) -> None:
        with gc_paused():
            loaded = self._store.load(self._mark)
            if loaded.whole:
                self._take_in(loaded)
            else:
                self._follow(loaded)
        self._mark, self.damaged = loaded.mark, loaded.damaged

    def _take_in(self, loaded: Loaded) -> None:
        gallery = Gallery(self.gallery.dimension, room=len(loaded.speakers))
        pending = Gallery(self.pending.dimension)
        _put_all(gallery, [(one.id, one.enrollments) for one in loaded.speakers if one.enrollments])
        _put_all(pending, [(one.id, one.former) for one in loaded.speakers if one.pending_reenrollment and one.former])
        self.gallery, self.pending = gallery, pending
        self._directory = SpeakerDirectory(loaded.speakers)

    def _follow(self, loaded: Loaded) -> None:
        """Take over what changed since the mark."""
        for speaker_id in self._directory.ids() - loaded.mark.generations.keys():
            self.remove(speaker_id)
        for speaker in loaded.speakers:
            self._directory.put(speaker)
            earlier = speaker.former if speaker.pending_reenrollment else ()
            for gallery, made in ((self.gallery, speaker.enrollments), (self.pending, earlier)):
                if made:
                    gallery.put(speaker.id, template_of(made))
                elif speaker.id in gallery:
                    gallery.remove(speaker.id)

    def reload(self) -> None:
        """Read the whole store again."""
        self._seen_version, self._fresh_as_of, self._mark = -1, 0.0, None
        self.refresh()

    def all(self) -> list[StoredSpeaker]:
        """All speakers, by name."""
        self.refresh()
        with self.lock:
            return list(self._directory)

    def count(self, within: Within = None) -> int:
        """Number of speakers of the groups, those pending reenrollment included."""
        ids = self.ids(within)
        return len(self.gallery) + len(self.pending) if ids is None else len(ids)

    def ids(self, within: Within) -> set[str] | None:
        """The ids of the speakers of the groups; None for all speakers."""
        with self.lock:
            return None if within is None else self._directory.in_groups(within)

    def is_within(self, speaker_id: str, within: Within) -> bool:
        """Whether the id is that of a speaker of the groups."""
        speaker = self.get(speaker_id)
        return speaker is not None and is_within(speaker.profile.groups, within)

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        """The speaker of an id, or None."""
        return self._directory.get(speaker_id)

    def speaker(self, speaker_id: str, within: Within = None) -> StoredSpeaker:
        """The speaker of an id, within the groups. Raises SpeakerError (``unknown_speaker``)."""
        found = self.get(speaker_id)
        if found is None or not is_within(found.profile.groups, within):
            raise SpeakerError("unknown_speaker", "Nobody is enrolled with that id.")
        return found

    def find(self, name_or_id: str) -> StoredSpeaker | None:
        """The speaker of an id, else of a name, else None."""
        self.refresh()
        with self.lock:
            return self._directory.get(name_or_id) or self._directory.named(name_or_id)

    def with_content(self, content: str) -> StoredSpeaker | None:
        """The speaker enrolled from the file of this keyed hash, or None."""
        with self.lock:
            return self._directory.with_content(content)

    def enrolled_seconds(self, speaker_id: str) -> float:
        """Seconds of speech in a speaker's enrollments; 0 for an unknown id."""
        speaker = self.get(speaker_id)
        if speaker is None:
            return 0.0
        return sum(one.speech_seconds for one in speaker.enrollments or speaker.former)

    def voices(self, gallery: Gallery, speaker_ids: Sequence[str]) -> EnrolledVoices:
        """What these speakers of a gallery are enrolled with."""
        seconds = [self.enrolled_seconds(speaker_id) for speaker_id in speaker_ids]
        return EnrolledVoices(seconds, np.stack([gallery.template(speaker_id) for speaker_id in speaker_ids]))

    def free_name(self, name: str, *, holder_id: str | None = None) -> str:
        """The name as stored. Raises SpeakerError: ``bad_name``, ``name_taken`` by another id."""
        cleaned = clean_name(name)
        with self.lock:
            holder = self._directory.named(cleaned)
        if holder is not None and holder.id != holder_id:
            raise SpeakerError("name_taken", "Somebody is enrolled under this name already.")
        return cleaned

    def put(self, speaker: StoredSpeaker) -> NDArray[np.float32]:
        """The template (dimension,) of a speaker added or changed."""
        template = template_of(speaker.enrollments)
        self.gallery.put(speaker.id, template)
        self._remove_pending(speaker.id)
        self._directory.put(speaker)
        self.changes += 1
        return template

    def rename(self, speaker: StoredSpeaker) -> None:
        """Update a speaker's profile; the template stays."""
        self._directory.put(speaker)

    def remove(self, speaker_id: str) -> None:
        """Remove a speaker's profile and template."""
        self._directory.remove(speaker_id)
        if speaker_id in self.gallery:
            self.gallery.remove(speaker_id)
        self._remove_pending(speaker_id)
        self.changes += 1

    def _remove_pending(self, speaker_id: str) -> None:
        if speaker_id in self.pending:
            self.pending.remove(speaker_id)


def _put_all(gallery: Gallery, made: Sequence[tuple[str, Sequence[Enrollment]]]) -> None:
    for begin in range(0, len(made), _BATCH):
        ids, enrollments = zip(*made[begin : begin + _BATCH], strict=True)
        vectors = np.stack([one.embedding for some in enrollments for one in some])
        gallery.put_rows(ids, templates_of(vectors, np.array([len(some) for some in enrollments], np.int64)))


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
