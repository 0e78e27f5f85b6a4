"""Migration of a store to another encoder, without any stored recording.

From its beginning the store belongs to the new encoder; embeddings of the previous one stay, readable only as such. A
speaker without embeddings of the new encoder is pending reenrollment. At the end nothing of the previous encoder is
left, nor any key that opened it. Moving back before the end is the same with the encoders swapped.
"""

import msgspec

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.errors import InputError, ModelError
from voiceprint.storage.maintenance.template_renewal import renewed_settings, undamaged_speakers
from voiceprint.storage.pending_takes import require_none_pending
from voiceprint.storage.receipts import Receipt
from voiceprint.storage.store import Store

__all__ = ["MigrationReport", "begin", "finish", "progress"]


class MigrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of a migration; encoders by id.

    ``former``: the previous encoder, None without a migration; ``waiting``: number of speakers pending reenrollment;
    ``enroll_waiting``: whether those that the previous encoder recognises with confidence are enrolled under the new
    one.
    """

    encoder: str
    former: str | None
    enroll_waiting: bool
    speakers: int
    waiting: int


def progress(store: Store) -> MigrationReport:
    """The progress of a migration. Raises StoreError."""
    with store.reading() as rows:
        settings, speakers = rows.seals.settings, rows.load().speakers
    return MigrationReport(
        encoder=settings.encoder.id,
        former=settings.previous_encoder.id if settings.previous_encoder else None,
        enroll_waiting=settings.enroll_waiting,
        speakers=len(speakers),
        waiting=sum(speaker.pending_reenrollment for speaker in speakers),
    )


def begin(store: Store, encoder: EncoderIdentity, *, enroll_waiting: bool) -> MigrationReport:
    """The progress after the store was given to ``encoder``; servers must be restarted.

    Called again with the same encoder, it changes ``enroll_waiting``. Raises StoreError, ModelError: ``already_there``,
    ``migration_unfinished`` (a third encoder); StoreError (``takes_pending``).
    """
    with store.writing() as rows:
        old = rows.seals.settings
        if old.previous_encoder is None and encoder == old.encoder:
            raise ModelError("already_there", f"The store {store.name} belongs to the encoder {encoder.id} already.")
        if old.previous_encoder is not None and encoder not in (old.encoder, old.previous_encoder):
            raise ModelError(
                "migration_unfinished",
                f"The store {store.name} is on its way from {old.previous_encoder.id} to {old.encoder.id}; finish that "
                "first.",
            )
        previous = old.previous_encoder if encoder == old.encoder else old.encoder
        settings = msgspec.structs.replace(
            old, encoder=encoder, previous_encoder=previous, enroll_waiting=enroll_waiting
        )
        if encoder != old.encoder:
            require_none_pending(rows.load().speakers)
        rows.put_settings(rows.seals.with_settings(settings))
        rows.note("migration_begun", encoder=encoder.fingerprint, enroll_waiting=int(enroll_waiting))
    store.use_encoder(encoder)
    return progress(store)


def finish(store: Store, *, forget_waiting: bool) -> tuple[MigrationReport, tuple[Receipt, ...]]:
    """The result of a finished migration, and receipts of the speakers erased with it.

    The previous encoder's embeddings are deleted and all data keys renewed. ``forget_waiting``: whether speakers still
    pending reenrollment are erased.

    Raises InputError: ``no_migration``, ``people_waiting``; StoreError (also ``record_damaged``, ``takes_pending``);
    nothing changed.
    """
    with store.reading() as rows:
        if rows.seals.settings.previous_encoder is None:
            raise InputError("no_migration", f"The store {store.name} is not on its way to another encoder.")
        waiting = [speaker.id for speaker in undamaged_speakers(rows) if speaker.pending_reenrollment]
    if waiting and not forget_waiting:
        raise InputError(
            "people_waiting",
            f"{len(waiting)} speakers still wait to be enrolled under {store.encoder.id}; enroll them, or erase them "
            "with --forget-waiting.",
        )
    drafts = [store.erase(speaker_id, reason="migration_finished") for speaker_id in waiting]
    with store.writing() as rows:
        settings = msgspec.structs.replace(
            renewed_settings(rows.seals.settings), previous_encoder=None, enroll_waiting=False
        )
        speakers = undamaged_speakers(rows)
        require_none_pending(speakers)
        rows.replace_all(speakers, rows.seals.with_settings(settings))
        rows.note("migration_finished", encoder=store.encoder.fingerprint)
    store.clear_log()
    return progress(store), store.receipts(*drafts)
