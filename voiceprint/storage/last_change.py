"""The last change of speakers, sealed in one row for a short time, so that it can be taken back.

The store's sealed state names the row: an older one that was put back opens nothing. It holds no more than undoing
needs. Whatever erases, forgets, renews or imports drops it, so that nothing of that can come back through it.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import msgspec

from voiceprint.domain.speaker import Enrollment, Profile, new_id
from voiceprint.storage.sealing.speaker_codec import PackedEnrollment
from voiceprint.storage.sealing.vault import Context, SealBrokenError, open_sealed, seal

if TYPE_CHECKING:
    from voiceprint.storage.rows import Rows

__all__ = ["UNDO_SECONDS", "LastChange", "SpeakerChange", "drop", "is_over", "keep", "read"]

UNDO_SECONDS = 3600.0


class SpeakerChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What undoing needs of one speaker. ``profile``: the one before, None for a new speaker; ``added``: ids of
    enrollments that came; ``removed``, ``former``: enrollments that went, of the store's encoder and of the former one.
    """

    speaker_id: str
    profile: Profile | None
    added: tuple[str, ...] = ()
    removed: tuple[PackedEnrollment, ...] = ()
    former: tuple[PackedEnrollment, ...] = ()

    @classmethod
    def of(
        cls,
        speaker_id: str,
        profile: Profile | None,
        *,
        added: Sequence[Enrollment] = (),
        removed: Sequence[Enrollment] = (),
        former: Sequence[Enrollment] = (),
    ) -> Self:
        return cls(
            speaker_id=speaker_id,
            profile=profile,
            added=tuple(one.id for one in added),
            removed=tuple(map(PackedEnrollment.of, removed)),
            former=tuple(map(PackedEnrollment.of, former)),
        )


class LastChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``event``: as the audit log calls it; ``at``: seconds since 1970; ``changes``: in the order of undoing, the
    speaker that it was about first.
    """

    id: str
    event: str
    at: float
    changes: tuple[SpeakerChange, ...]

    @property
    def until(self) -> float:
        """Seconds since 1970."""
        return self.at + UNDO_SECONDS


def keep(rows: "Rows", event: str, *changes: SpeakerChange) -> None:
    """Take the place of the last change, within the transaction that made this one."""
    last = LastChange(id=new_id(), event=event, at=time.time(), changes=changes)
    rows.state = msgspec.structs.replace(rows.state, undo=last.id, undo_at=last.at)
    token = seal(rows.seals.purposes.undo, _context(rows), msgspec.msgpack.encode(last))
    rows.tables.put_meta("undo", token)


def drop(rows: "Rows") -> None:
    """Nothing can be undone from here on."""
    if rows.state.undo:
        rows.state = msgspec.structs.replace(rows.state, undo="", undo_at=0.0)
        rows.tables.delete_meta("undo")


def is_over(rows: "Rows") -> bool:
    """Whether the last change is older than may be undone (or from the future: a clock was set)."""
    return bool(rows.state.undo) and not 0 <= time.time() - rows.state.undo_at <= UNDO_SECONDS


def read(rows: "Rows") -> LastChange | None:
    """The last change, if it can be undone still."""
    if not rows.state.undo or is_over(rows):
        return None
    try:
        return _decoder.decode(open_sealed(rows.seals.purposes.undo, _context(rows), rows.tables.meta("undo") or b""))
    except (SealBrokenError, msgspec.DecodeError, UnicodeError):
        return None


def _context(rows: "Rows") -> Context:
    return {"type": "undo", "store": rows.seals.store_id, "id": rows.state.undo}


_decoder = msgspec.msgpack.Decoder(LastChange)
