"""Restoring a bundle into a store: its tombstones first, then the speakers that are missing."""

import msgspec

from voiceprint.domain.names import name_key
from voiceprint.domain.speaker import EncoderIdentity, StoredSpeaker
from voiceprint.errors import ModelError
from voiceprint.storage.engine import Place
from voiceprint.storage.maintenance.bundle import Bundle
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.master_keys import MasterKeys
from voiceprint.storage.store import Store, check_encoder, has_store

__all__ = ["RestoreReport", "restore"]


class RestoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a restore, in numbers of speakers.

    ``replaced``: damaged or missing here, now from the bundle; ``present``: here already; ``forgotten``: forbidden by a
    tombstone; ``erased``: erased here because of the bundle's tombstones. ``name_taken``: ids left out because another
    speaker has the name here.
    """

    added: int
    replaced: int
    present: int
    forgotten: int
    erased: int
    name_taken: tuple[str, ...]


def restore(place: Place, keys: MasterKeys, bundle: Bundle) -> RestoreReport:
    """The report of a restore, all or nothing; an empty folder becomes the bundle's store.

    Raises ModelError (``encoder_mismatch``), StoreError, KeyFileError; then nothing was changed.
    """
    encoder: EncoderIdentity = bundle.settings.encoder
    if not has_store(place):
        Store.create(place, keys, bundle.settings, store_id=bundle.store)
    store = Store.open_existing(place, keys)
    try:
        check_encoder(store.name, store.encoder, encoder)
        with store.writing() as rows:
            _check_former(rows, bundle)
            report = _restore_rows(rows, bundle)
        store.clear_log()
    finally:
        store.close()
    return report


def _restore_rows(rows: Rows, bundle: Bundle) -> RestoreReport:
    ours = rows.seals.store_id == bundle.store
    if not ours:
        _add_tombstone_keys(rows, bundle)
    for tombstone in bundle.tombstones:
        rows.add_tombstone(tombstone)
    tombstones = rows.tables.tombstones()
    loaded = rows.load()
    damaged = set(loaded.damaged)
    erased = 0
    for speaker_id in rows.tables.generations():
        if not tombstones.isdisjoint(rows.seals.tombstones(speaker_id)):
            rows.erase(speaker_id, "forgotten_in_bundle")
            damaged.discard(speaker_id)
            erased += 1
    present = {speaker.id for speaker in loaded.speakers}
    names = {name_key(speaker.name): speaker.id for speaker in loaded.speakers}
    counts = dict.fromkeys(("added", "replaced", "present", "forgotten"), 0)
    taken = []
    for speaker in bundle.speakers:
        outcome = _outcome(rows, speaker, tombstones, present, names)
        if outcome == "name_taken":
            taken.append(speaker.id)
            continue
        if outcome == "added" and _make_room(rows, speaker.id, damaged):
            outcome = "replaced"
        if outcome in ("added", "replaced"):
            names[name_key(speaker.name)] = speaker.id
            _insert(rows, speaker, bundle, ours=ours)
        counts[outcome] += 1
    rows.note("imported", None, **counts, erased=erased, name_taken=len(taken))
    return RestoreReport(**counts, erased=erased, name_taken=tuple(taken))


def _check_former(rows: Rows, bundle: Bundle) -> None:
    """Refuse former enrollments of another previous encoder.

    Raises ModelError (``encoder_mismatch``).
    """
    previous = bundle.settings.previous_encoder
    if rows.seals.settings.previous_encoder != previous and any(speaker.former for speaker in bundle.speakers):
        raise ModelError(
            "encoder_mismatch",
            "The bundle was taken while its store was moved away from "
            f"{previous.id if previous else 'another encoder'}, and this store is not; bring it into an empty folder.",
        )


def _outcome(rows: Rows, speaker: StoredSpeaker, tombstones: set[str], present: set[str], names: dict[str, str]) -> str:
    if not tombstones.isdisjoint(rows.seals.tombstones(speaker.id)):
        return "forgotten"
    if speaker.id in present:
        return "present"
    return "name_taken" if names.get(name_key(speaker.name), speaker.id) != speaker.id else "added"


def _make_room(rows: Rows, speaker_id: str, damaged: set[str]) -> bool:
    for name in (speaker_id, rows.manifest.missing_name(speaker_id)):
        if name in damaged:
            rows.make_room(name)
            return True
    return False


def _insert(rows: Rows, speaker: StoredSpeaker, bundle: Bundle, *, ours: bool) -> None:
    if not ours:
        # Hashes of the clips are keyed by the other store's secret: here they match nothing.
        enrollments, former = (
            tuple(one.without_content() for one in each) for each in (speaker.enrollments, speaker.former)
        )
        profile = msgspec.structs.replace(speaker.profile, origin=speaker.profile.origin or bundle.store)
        speaker = StoredSpeaker(speaker.id, profile, enrollments, former)
    rows.write(speaker, 0, "restored", enrollments=len(speaker.enrollments))


def _add_tombstone_keys(rows: Rows, bundle: Bundle) -> None:
    """Keep the bundle's tombstone keys: tombstones are hashes under their store's secret."""
    key = rows.seals.with_settings(bundle.settings).purposes.tombstone.key
    settings = rows.seals.settings
    before = settings.foreign_tombstone_keys
    known = tuple(dict.fromkeys((*before, key, *bundle.settings.foreign_tombstone_keys)))
    if known != before:
        rows.put_settings(rows.seals.with_settings(msgspec.structs.replace(settings, foreign_tombstone_keys=known)))
