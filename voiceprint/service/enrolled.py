"""Who is known, in memory: templates to search and speakers to name, in step with the store."""

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.templates import template_of, templates_of
from voiceprint.domain.groups import Within, is_within
from voiceprint.domain.names import clean_name
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import SpeakerError
from voiceprint.gallery.index import Gallery
from voiceprint.service.directory import SpeakerDirectory
from voiceprint.storage.snapshot.columns import Voices
from voiceprint.storage.snapshot.contents import StoreContents
from voiceprint.storage.store import Store

__all__ = ["EnrolledSpeakers"]


class EnrolledSpeakers:
    """Readers get the old objects or the new ones, never a mixture; whoever writes holds ``lock``.

    ``dummy_template``: a random unit vector (dimension,), no speaker's. ``changes``: counts changes of templates.
    """

    def __init__(self, store: Store, dimension: int) -> None:
        self.lock = RLock()
        self.gallery = Gallery(dimension)
        # Who waits to be enrolled again, by what the former encoder made of them.
        self.pending = Gallery(store.former.dimension if store.former else dimension)
        self.damaged: tuple[str, ...] = ()
        self.changes = 0
        self.dummy_template = _random_template(dimension)
        self._store = store
        self._directory = SpeakerDirectory()
        self._seen_version = -1
        self.refresh()

    def refresh(self) -> None:
        """Take in what another process wrote to the store; cheap when nothing changed."""
        with self.lock:
            version = self._store.data_version()
            if version == self._seen_version:
                return
            with gc_paused():
                self._take_in(self._store.load_quickly())
            self._seen_version = version
            self.changes += 1

    def _take_in(self, contents: StoreContents) -> None:
        gallery, pending = Gallery(self.gallery.dimension, room=len(contents)), Gallery(self.pending.dimension)
        for some in contents.people:
            _put_all(gallery, some.voices())
            _put_all(pending, some.waiting())
        self.gallery, self.pending = gallery, pending
        self._directory = SpeakerDirectory(contents.people)
        self.damaged = contents.damaged

    def all(self) -> list[StoredSpeaker]:
        """Every speaker, by name."""
        self.refresh()
        with self.lock:
            return list(self._directory)

    def count(self, within: Within = None) -> int:
        """How many may be met, those who wait included."""
        ids = self.ids(within)
        return len(self.gallery) + len(self.pending) if ids is None else len(ids)

    def ids(self, within: Within) -> set[str] | None:
        """The ids of everybody who may be met; None for everybody."""
        with self.lock:
            return None if within is None else self._directory.in_groups(within)

    def is_within(self, speaker_id: str, within: Within) -> bool:
        """Whether that is somebody who may be met."""
        speaker = self.get(speaker_id)
        return speaker is not None and is_within(speaker.profile.groups, within)

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        """The speaker of that id, if there is one."""
        return self._directory.get(speaker_id)

    def speaker(self, speaker_id: str, within: Within = None) -> StoredSpeaker:
        """The speaker of that id. Raises SpeakerError (``unknown_speaker``)."""
        found = self.get(speaker_id)
        if found is None or not is_within(found.profile.groups, within):
            raise SpeakerError("unknown_speaker", "Nobody is enrolled with that id.")
        return found

    def find(self, name_or_id: str) -> StoredSpeaker | None:
        """The speaker of that id, else of that name, else None."""
        self.refresh()
        with self.lock:
            return self._directory.get(name_or_id) or self._directory.named(name_or_id)

    def with_content(self, content: str) -> StoredSpeaker | None:
        """The speaker for whom the file of this keyed hash was enrolled before, if any."""
        with self.lock:
            return self._directory.with_content(content)

    def enrolled_seconds(self, speaker_id: str) -> float:
        """Seconds of speech that a speaker was enrolled with; 0 for nobody."""
        speaker = self.get(speaker_id)
        if speaker is None:
            return 0.0
        return sum(one.speech_seconds for one in speaker.enrollments or speaker.former)

    def free_name(self, name: str, *, holder_id: str | None = None) -> str:
        """The name as it will be kept. Raises SpeakerError: ``bad_name``, ``name_taken`` by another than this id."""
        cleaned = clean_name(name)
        with self.lock:
            holder = self._directory.named(cleaned)
        if holder is not None and holder.id != holder_id:
            raise SpeakerError("name_taken", "Somebody is enrolled under this name already.")
        return cleaned

    def put(self, speaker: StoredSpeaker) -> NDArray[np.float32]:
        """Take in a speaker as the store has it now; returns the template (dimension,)."""
        template = template_of(speaker.enrollments)
        self.gallery.put(speaker.id, template)
        self._remove_pending(speaker.id)
        self._directory.put(speaker)
        self.changes += 1
        return template

    def rename(self, speaker: StoredSpeaker) -> None:
        """The same voice under another name."""
        self._directory.put(speaker)

    def remove(self, speaker_id: str) -> None:
        """Drop a speaker's name and voice."""
        self._directory.remove(speaker_id)
        if speaker_id in self.gallery:
            self.gallery.remove(speaker_id)
        self._remove_pending(speaker_id)
        self.changes += 1

    def leave_out(self, damaged: Collection[str]) -> None:
        """Whose records were found damaged takes no part any more."""
        with self.lock:
            self.damaged = tuple(sorted({*self.damaged, *damaged}))
            for speaker_id in damaged:
                self.remove(speaker_id)

    def _remove_pending(self, speaker_id: str) -> None:
        if speaker_id in self.pending:
            self.pending.remove(speaker_id)


def _put_all(gallery: Gallery, voices: Voices) -> None:
    if voices.ids:
        gallery.put_rows(voices.ids, templates_of(voices.vectors, voices.counts))


def _random_template(dimension: int) -> NDArray[np.float32]:
    vector = np.random.default_rng().normal(size=dimension)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@contextmanager
def gc_paused() -> Iterator[None]:
    """A context without garbage collection: nothing becomes unreachable while speakers are read, and it costs half."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
