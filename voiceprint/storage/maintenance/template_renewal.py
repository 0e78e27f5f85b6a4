"""Renew everybody at once, without anyone speaking again: new data keys, and a new secret rotation of the vectors.

One transaction: a kill leaves everything as it was, or everything renewed. What was copied before is of no use with the
renewed store: the old tokens fit nothing, and the vectors of the two cannot be linked without both secrets.
"""

import secrets
from collections.abc import Sequence

import msgspec

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import StoreError
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.seals import KeyRing
from voiceprint.storage.sealing.settings import StoreSettings
from voiceprint.storage.store import Store

__all__ = ["RenewalReport", "everybody", "renew", "renewed_settings", "seal_again"]


class RenewalReport(msgspec.Struct, frozen=True, kw_only=True):
    """``rotation``: how often this store was renewed. ``log_cleared``: no byte of the old tokens is left on disk."""

    speakers: int
    rotation: int
    log_cleared: bool


def renew(store: Store) -> RenewalReport:
    """New keys and a new rotation for everybody; cosines stay the same to 1e-5. Raises StoreError, nothing changed.

    ``record_damaged`` where somebody's records do not open: they cannot be renewed, only forgotten or restored.
    """
    with store.writing() as rows:
        count = _renew_rows(rows)
        rotation = rows.seals.settings.rotation
    return RenewalReport(speakers=count, rotation=rotation, log_cleared=store.clear_log())


def _renew_rows(rows: Rows) -> int:
    speakers = everybody(rows)
    seal_again(rows, speakers, renewed_settings(rows.seals.settings))
    return len(speakers)


def renewed_settings(settings: StoreSettings) -> StoreSettings:
    """The same with another secret rotation."""
    return msgspec.structs.replace(settings, rotation=settings.rotation + 1, seed=secrets.token_bytes(32))


def everybody(rows: Rows) -> tuple[StoredSpeaker, ...]:
    """All speakers, where all are whole. Raises StoreError (``record_damaged``)."""
    loaded = rows.load()
    if loaded.damaged:
        raise StoreError(
            "record_damaged",
            f"{len(loaded.damaged)} speakers are damaged (the first is {loaded.damaged[0]}); forget them or restore "
            "them from a bundle first.",
        )
    return loaded.speakers


def seal_again(rows: Rows, speakers: Sequence[StoredSpeaker], settings: StoreSettings) -> None:
    """Everybody with a new data key under renewed settings; former enrollments go with a former encoder."""
    rows.database.execute("DELETE FROM records")
    rows.database.execute("DELETE FROM keys")
    rows.database.execute("DELETE FROM parts")
    rows.put_settings(rows.seals.with_settings(settings))
    for speaker in speakers:
        former = speaker.former if settings.former else ()
        rows.insert(speaker.id, KeyRing.new(), speaker.profile, speaker.enrollments, former=former)
    rows.note("renewed", speakers=len(speakers), rotation=settings.rotation)
    rows.manifest.reset()
