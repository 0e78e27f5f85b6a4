"""Takes that wait in the profile of a speaker until an operator confirms them or takes them out."""

from collections.abc import Sequence

import msgspec

from voiceprint.domain.speaker import Enrollment, PendingTake, StoredSpeaker
from voiceprint.errors import SpeakerError, StoreError
from voiceprint.storage import last_change
from voiceprint.storage.last_change import SpeakerChange
from voiceprint.storage.store import Store

__all__ = ["add_pending", "confirm", "require_none_pending", "withdraw"]


def add_pending(store: Store, speaker_id: str, takes: Sequence[Enrollment]) -> StoredSpeaker:
    """The speaker with more pending takes. Raises StoreError: ``record_damaged``, ``speaker_gone``."""
    with store.writing() as rows:
        speaker, before = rows.read(speaker_id)
        changed = _with(speaker, (*speaker.profile.pending, *map(PendingTake.of, takes)))
        rows.write(changed, before, "offered")
        last_change.keep(rows, "updated", SpeakerChange.of(speaker_id, speaker.profile, added=takes))
    return changed


def confirm(store: Store, speaker_id: str, take_id: str) -> StoredSpeaker:
    """The speaker with a pending take as an enrollment.

    Raises SpeakerError (``unknown_enrollment``), StoreError; nothing changed.
    """
    with store.writing() as rows:
        speaker, before = rows.read(speaker_id)
        take, rest = _taken_out(speaker, take_id)
        changed = StoredSpeaker(speaker_id, rest.profile, (*speaker.enrollments, take))
        rows.write(changed, before, "updated", enrollments=1)
        change = SpeakerChange.of(speaker_id, speaker.profile, added=[take], former=speaker.former)
        last_change.keep(rows, "updated", change)
    return changed


def withdraw(store: Store, speaker_id: str, take_id: str) -> StoredSpeaker:
    """The speaker without a pending take. Raises as ``confirm``."""
    with store.writing() as rows:
        speaker, before = rows.read(speaker_id)
        _, changed = _taken_out(speaker, take_id)
        rows.write(changed, before, "take_removed")
        last_change.keep(rows, "take_removed", SpeakerChange.of(speaker_id, speaker.profile))
    return changed


def require_none_pending(speakers: Sequence[StoredSpeaker]) -> None:
    """Refuse what would leave the vectors of pending takes behind. Raises StoreError (``takes_pending``)."""
    found = [speaker.id for speaker in speakers if speaker.profile.pending]
    if found:
        raise StoreError(
            "takes_pending",
            f"Takes of {len(found)} speakers wait for a word (the first is {found[0]}): confirm them or take them out "
            "first, with 'voiceprint takes'.",
        )


def _taken_out(speaker: StoredSpeaker, take_id: str) -> tuple[Enrollment, StoredSpeaker]:
    """A pending take, and the speaker without it."""
    pending = speaker.profile.pending
    take = next((one for one in pending if one.id == take_id), None)
    if take is None:
        raise SpeakerError("unknown_enrollment", "The speaker has no recording of that id that waits.")
    return take.enrollment(), _with(speaker, tuple(one for one in pending if one is not take))


def _with(speaker: StoredSpeaker, pending: tuple[PendingTake, ...]) -> StoredSpeaker:
    profile = msgspec.structs.replace(speaker.profile, pending=pending)
    return msgspec.structs.replace(speaker, profile=profile)
