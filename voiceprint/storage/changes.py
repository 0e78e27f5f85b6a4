"""Changes of single takes and of two speakers at once, and the way back from the last change."""

import msgspec

from voiceprint.domain.speaker import Enrollment, StoredSpeaker
from voiceprint.errors import InputError, SpeakerError
from voiceprint.storage import last_change
from voiceprint.storage.last_change import LastChange, SpeakerChange
from voiceprint.storage.rows import Rows
from voiceprint.storage.store import Store

__all__ = ["merge", "remove_enrollment", "undo", "undoable"]


def remove_enrollment(store: Store, speaker_id: str, enrollment_id: str) -> StoredSpeaker:
    """The speaker without that enrollment.

    Raises SpeakerError: ``unknown_enrollment``, ``last_enrollment``; StoreError; nothing changed.
    """
    with store.writing() as rows:
        speaker, before = rows.read(speaker_id)
        gone = [one for one in speaker.enrollments if one.id == enrollment_id]
        if not gone:
            raise SpeakerError("unknown_enrollment", "The speaker has no recording of that id.")
        if len(speaker.enrollments) == 1:
            raise SpeakerError("last_enrollment", "This is the only recording; forget the speaker instead.")
        kept = tuple(one for one in speaker.enrollments if one.id != enrollment_id)
        changed = msgspec.structs.replace(speaker, enrollments=kept)
        rows.write(changed, before, "take_removed")
        last_change.keep(rows, "take_removed", SpeakerChange.of(speaker_id, speaker.profile, removed=gone))
    return changed


def merge(store: Store, speaker_id: str, other_id: str) -> StoredSpeaker:
    """The speaker with the enrollments of the other one, whose row is destroyed. Raises StoreError; nothing changed."""
    with store.writing() as rows:
        speaker, before = rows.read(speaker_id)
        other, _ = rows.read(other_id)
        enrollments = _by_time(*speaker.enrollments, *other.enrollments)
        # What a former encoder made goes with the first enrollment under the new one.
        left, taken = ((), other.former) if not enrollments else (speaker.former, ())
        former = () if enrollments else _by_time(*speaker.former, *taken)
        merged = StoredSpeaker(speaker_id, speaker.profile.joined(other.profile), enrollments, former)
        rows.erase(other_id, "merged")
        rows.write(merged, before, "merged", enrollments=len(other.enrollments))
        last_change.keep(
            rows,
            "merged",
            SpeakerChange.of(speaker_id, speaker.profile, added=(*other.enrollments, *taken), former=left),
            SpeakerChange.of(other_id, other.profile, removed=other.enrollments, former=other.former),
        )
    return merged


def undoable(store: Store) -> LastChange | None:
    """The last change, if it can be undone still. Raises StoreError."""
    with store.reading() as rows:
        return last_change.read(rows)


def undo(store: Store, change_id: str) -> tuple[StoredSpeaker, ...]:
    """Take the last change back, which must be this one; the speakers that it was about, those who are left.

    Raises InputError (``changed_since``), StoreError; nothing changed.
    """
    with store.writing() as rows:
        last = last_change.read(rows)
        if last is None or last.id != change_id:
            raise InputError("changed_since", "Something else was changed since; that would be undone instead.")
        for change in last.changes:
            _take_back(rows, change)
        last_change.drop(rows)
        restored = tuple(rows.read(change.speaker_id)[0] for change in last.changes if change.profile is not None)
    store.clear_log()
    return restored


def _take_back(rows: Rows, change: SpeakerChange) -> None:
    if change.profile is None:
        rows.erase(change.speaker_id, "undone")
        return
    removed, former = ([one.enrollment() for one in some] for some in (change.removed, change.former))
    now, before, profile = StoredSpeaker(change.speaker_id, change.profile, ()), 0, change.profile
    if rows.tables.speaker(change.speaker_id) is None:
        rows.lift_tombstone(change.speaker_id)
    else:
        now, before = rows.read(change.speaker_id)
        profile = msgspec.structs.replace(profile, last_seen=now.profile.last_seen)
    made, earlier = ([one for one in some if one.id not in change.added] for some in (now.enrollments, now.former))
    restored = StoredSpeaker(now.id, profile, _by_time(*made, *removed), _by_time(*earlier, *former))
    rows.write(restored, before, "undone", enrollments=len(removed))


def _by_time(*enrollments: Enrollment) -> tuple[Enrollment, ...]:
    return tuple(sorted(enrollments, key=lambda one: one.enrolled_at))
