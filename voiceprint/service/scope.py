"""A scope: speakers in memory who are searched together, with their templates and their directory."""

from collections.abc import Sequence
from threading import RLock

import numpy as np

from voiceprint.decision.outcome import EnrolledVoices
from voiceprint.decision.templates import template_of, templates_of
from voiceprint.domain.groups import Within, is_within
from voiceprint.domain.speaker import Enrollment, StoredSpeaker
from voiceprint.gallery.index import Gallery
from voiceprint.service.directory import SpeakerDirectory

__all__ = ["SCOPE_BYTES", "Scope", "bytes_of"]

# Speakers whose templates are made at a time.
_BATCH = 4096
# What galleries and dictionaries take, a speaker, and a take beside its vector: docs/capacity.md tells the measurement.
SCOPE_BYTES, _SPEAKER_BYTES, _TAKE_BYTES = 6_000, 1_000, 500


class Scope:
    """The speakers of the groups ``within`` (None: all). Writers hold ``lock``; readers never see half a change.

    ``pending``: templates of the previous encoder, of speakers pending reenrollment. ``changes``: number of changes of
    templates so far. ``bytes``: about what it takes in memory.
    """

    def __init__(
        self,
        lock: RLock,
        dimensions: tuple[int, int],
        speakers: Sequence[StoredSpeaker] = (),
        *,
        within: Within = None,
    ) -> None:
        """``dimensions``: of the embeddings of the store's encoder and of the previous one."""
        self.within = within
        self.changes = 0
        self.bytes = SCOPE_BYTES + sum(map(bytes_of, speakers))
        self.gallery, self.pending = Gallery(dimensions[0], room=len(speakers)), Gallery(dimensions[1])
        _put_all(self.gallery, [(one.id, one.enrollments) for one in speakers if one.enrollments])
        _put_all(self.pending, [(one.id, one.former) for one in speakers if one.pending_reenrollment and one.former])
        self._directory = SpeakerDirectory(speakers)
        self._lock = lock

    def all(self, within: Within = None) -> list[StoredSpeaker]:
        """The speakers of the groups, by name."""
        with self._lock:
            return [speaker for speaker in self._directory if is_within(speaker.profile.groups, within)]

    def speaker_ids(self) -> set[str]:
        """The ids of all speakers in it."""
        return self._directory.ids()

    def count(self, within: Within = None) -> int:
        """Number of speakers of the groups, those pending reenrollment included."""
        ids = self.ids(within)
        return len(self.gallery) + len(self.pending) if ids is None else len(ids)

    def ids(self, within: Within) -> set[str] | None:
        """The ids of the speakers of the groups; None for all speakers in it."""
        with self._lock:
            return None if within in (None, self.within) else self._directory.in_groups(within)

    def is_within(self, speaker_id: str, within: Within) -> bool:
        """Whether the id is that of a speaker of the groups."""
        speaker = self.get(speaker_id)
        return speaker is not None and is_within(speaker.profile.groups, within)

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        """The speaker of an id, or None."""
        return self._directory.get(speaker_id)

    def named(self, name: str) -> StoredSpeaker | None:
        """The speaker of a name, or None."""
        with self._lock:
            return self._directory.named(name)

    def with_content(self, content: str) -> StoredSpeaker | None:
        """The speaker enrolled from the file of this keyed hash, or None."""
        with self._lock:
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

    # Changes

    def put(self, speaker: StoredSpeaker) -> None:
        """Add a speaker, or replace one; one who is not of the groups is removed."""
        if not is_within(speaker.profile.groups, self.within):
            self.remove(speaker.id)
            return
        self._keep(speaker)
        earlier = speaker.former if speaker.pending_reenrollment else ()
        for gallery, made in ((self.gallery, speaker.enrollments), (self.pending, earlier)):
            if made:
                gallery.put(speaker.id, template_of(made))
            elif speaker.id in gallery:
                gallery.remove(speaker.id)
        self.changes += 1

    def rename(self, speaker: StoredSpeaker) -> None:
        """Update a speaker's profile; the template stays."""
        if self.get(speaker.id) is None or not is_within(speaker.profile.groups, self.within):
            self.put(speaker)
        else:
            self._keep(speaker)

    def remove(self, speaker_id: str) -> None:
        """Remove a speaker's profile and template; an unknown id changes nothing."""
        gone = self.get(speaker_id)
        if gone is None:
            return
        self.bytes -= bytes_of(gone)
        self._directory.remove(speaker_id)
        for gallery in (self.gallery, self.pending):
            if speaker_id in gallery:
                gallery.remove(speaker_id)
        self.changes += 1

    def _keep(self, speaker: StoredSpeaker) -> None:
        before = self.get(speaker.id)
        self.bytes += bytes_of(speaker) - (bytes_of(before) if before else 0)
        self._directory.put(speaker)


def bytes_of(speaker: StoredSpeaker) -> int:
    """About what a speaker takes in memory: record, places in the dictionaries, template."""
    takes = (*speaker.enrollments, *speaker.former)
    template = takes[0].embedding.nbytes if takes else 0
    pending = sum(len(take.vector) + _TAKE_BYTES for take in speaker.profile.pending)
    return _SPEAKER_BYTES + template + pending + sum(one.embedding.nbytes + _TAKE_BYTES for one in takes)


def _put_all(gallery: Gallery, made: Sequence[tuple[str, Sequence[Enrollment]]]) -> None:
    for begin in range(0, len(made), _BATCH):
        ids, enrollments = zip(*made[begin : begin + _BATCH], strict=True)
        vectors = np.stack([one.embedding for some in enrollments for one in some])
        gallery.put_rows(ids, templates_of(vectors, np.array([len(some) for some in enrollments], np.int64)))
