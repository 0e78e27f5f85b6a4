"""Template renewal: new data keys and cancelable transform, without new recordings.

One transaction: a kill leaves all of it unchanged, or all of it renewed. A copy made before is useless with the renewed
store: its tokens fit nowhere, and the vectors of the two cannot be linked without both seeds.
"""

import secrets

import msgspec

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import StoreError
from voiceprint.storage.pending_takes import require_none_pending
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.settings import StoreSettings
from voiceprint.storage.store import Store

__all__ = ["RenewalReport", "renew", "renewed_settings", "undamaged_speakers"]


class RenewalReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a template renewal.

    ``renewals``: number of renewals of the store; ``log_cleared``: whether no byte of the old tokens is left on disk.
    """

    speakers: int
    renewals: int = msgspec.field(name="rotation")
    log_cleared: bool


def renew(store: Store) -> RenewalReport:
    """The report of a renewal; cosines stay the same to 1e-5.

    Raises StoreError, and nothing was changed: ``record_damaged`` where a speaker is damaged, who can only be erased or
    restored; ``takes_pending``.
    """
    with store.writing() as rows:
        speakers, settings = undamaged_speakers(rows), renewed_settings(rows.seals.settings)
        require_none_pending(speakers)
        rows.replace_all(speakers, rows.seals.with_settings(settings))
    return RenewalReport(speakers=len(speakers), renewals=settings.renewals, log_cleared=store.clear_log())


def renewed_settings(settings: StoreSettings) -> StoreSettings:
    """The settings with another cancelable transform."""
    return msgspec.structs.replace(settings, renewals=settings.renewals + 1, seed=secrets.token_bytes(32))


def undamaged_speakers(rows: Rows) -> tuple[StoredSpeaker, ...]:
    """All speakers. Raises StoreError (``record_damaged``) where one is damaged."""
    loaded = rows.load()
    if loaded.damaged:
        raise StoreError(
            "record_damaged",
            f"{len(loaded.damaged)} speakers are damaged (the first is {loaded.damaged[0]}); forget them or restore "
            "them from a bundle first.",
        )
    return loaded.speakers
