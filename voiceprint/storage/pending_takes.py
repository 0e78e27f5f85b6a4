"""Takes that wait in the profile of a speaker until an operator confirms them or takes them out."""

from collections.abc import Sequence

import msgspec

from voiceprint.domain.speaker import Enrollment, PendingTake, Profile, StoredSpeaker
from voiceprint.errors import SpeakerError, StoreError
from voiceprint.storage import last_change
from voiceprint.storage.last_change import SpeakerChange
from voiceprint.storage.store import Store

__all__ = ["add_pending", "confirm", "require_none_pending", "withdraw"]


def add_pending(store: Store, speaker_id: str, takes: Sequence[Enrollment]) -> StoredSpeaker:
    """The speaker with more pending takes. Raises StoreError: ``record_damaged``, ``speaker_gone``."""
    with store.writing() as rows:
        speaker, ring = rows.read(speaker_id)
        profile = _with(speaker.profile, (*speaker.profile.pending, *map(PendingTake.of, takes)))
        rows.write(speaker_id, ring, profile, (), "offered")
        last_change.keep(rows, "updated", SpeakerChange.of(speaker_id, speaker.profile, added=takes))
    return msgspec.structs.replace(speaker, profile=profile)


def confirm(store: Store, speaker_id: str, take_id: str) -> StoredSpeaker:
    """The speaker with a pending take as an enrollment.

    Raises SpeakerError (``unknown_enrollment``), StoreError; nothing changed.
    """
    with store.writing() as rows:
        speaker, ring = rows.read(speaker_id)
        take, profile = _taken_out(speaker.profile, take_id)
        ring = rows.drop(speaker_id, ring, speaker.former)
        rows.write(speaker_id, ring, profile, [take], "updated")
        rows.drop_part(speaker_id)
        change = SpeakerChange.of(speaker_id, speaker.profile, added=[take], former=speaker.former)
        last_change.keep(rows, "updated", change)
    return msgspec.structs.replace(speaker, profile=profile, enrollments=(*speaker.enrollments, take), former=())


def withdraw(store: Store, speaker_id: str, take_id: str) -> StoredSpeaker:
    """The speaker without a pending take. Raises as ``confirm``."""
    with store.writing() as rows:
        speaker, ring = rows.read(speaker_id)
        _, profile = _taken_out(speaker.profile, take_id)
        rows.write(speaker_id, ring, profile, (), "take_removed")
        rows.drop_part(speaker_id)
        last_change.keep(rows, "take_removed", SpeakerChange.of(speaker_id, speaker.profile))
    return msgspec.structs.replace(speaker, profile=profile)


def require_none_pending(speakers: Sequence[StoredSpeaker]) -> None:
    """Refuse what would leave the vectors of pending takes behind. Raises StoreError (``takes_pending``)."""
    found = [speaker.id for speaker in speakers if speaker.profile.pending]
    if found:
        raise StoreError(
            "takes_pending",
            f"Takes of {len(found)} speakers wait for a word (the first is {found[0]}): confirm them or take them out "
            "first, with 'voiceprint takes'.",
        )


def _taken_out(profile: Profile, take_id: str) -> tuple[Enrollment, Profile]:
    take = next((one for one in profile.pending if one.id == take_id), None)
    if take is None:
        raise SpeakerError("unknown_enrollment", "The speaker has no recording of that id that waits.")
    return take.enrollment(), _with(profile, tuple(one for one in profile.pending if one is not take))


def _with(profile: Profile, pending: tuple[PendingTake, ...]) -> Profile:
    return msgspec.structs.replace(profile, pending=pending)
