"""Bring a bundle into a store: the marks of the forgotten first, then whoever is not there."""

from pathlib import Path

import msgspec

from voiceprint.domain.names import name_key
from voiceprint.domain.speaker import EncoderIdentity, StoredSpeaker
from voiceprint.errors import ModelError
from voiceprint.storage.maintenance.bundle import Bundle
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sealing.seals import KeyRing
from voiceprint.storage.store import Store, check_encoder, has_store

__all__ = ["RestoreReport", "restore"]


class RestoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counts; ``name_taken``: ids of who was left out because somebody else has the name here.

    ``replaced``: damaged or missing here, and now from the bundle. ``erased``: forgotten there, and so erased here.
    """

    added: int
    replaced: int
    present: int
    forgotten: int
    erased: int
    name_taken: tuple[str, ...]


def restore(folder: Path, keys: MasterKeys, bundle: Bundle) -> RestoreReport:
    """Bring a bundle in, all of it or nothing. A folder without a store becomes that store again.

    Raises ModelError (``encoder_mismatch``), StoreError, KeyFileError; then nothing was changed.
    """
    encoder: EncoderIdentity = bundle.settings.encoder
    if not has_store(folder):
        Store.create(folder, keys, bundle.settings, store_id=bundle.store)
    store = Store.open_existing(folder, keys)
    try:
        check_encoder(store.path, store.encoder, encoder)
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
        _know_marks_of(rows, bundle)
    for mark in bundle.marks:
        rows.add_tombstone(mark)
    marks = rows.marks()
    loaded = rows.load()
    damaged = set(loaded.damaged)
    erased = 0
    for speaker_id in [*rows.generations()]:
        if not marks.isdisjoint(rows.seals.marks(speaker_id)):
            rows.erase(speaker_id, "forgotten_in_bundle")
            damaged.discard(speaker_id)
            erased += 1
    present = {speaker.id for speaker in loaded.speakers}
    names = {name_key(speaker.name): speaker.id for speaker in loaded.speakers}
    counts = dict.fromkeys(("added", "replaced", "present", "forgotten"), 0)
    taken = []
    for speaker in bundle.speakers:
        outcome = _outcome(rows, speaker, marks, present, names)
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
    """Who waits in the bundle can only wait here where both come from the same encoder."""
    former = bundle.settings.former
    if rows.seals.settings.former != former and any(speaker.former for speaker in bundle.speakers):
        raise ModelError(
            "encoder_mismatch",
            f"The bundle was taken while its store was moved away from {former.id if former else 'another encoder'}, "
            "and this store is not; bring it into an empty folder.",
        )


def _outcome(rows: Rows, speaker: StoredSpeaker, marks: set[str], present: set[str], names: dict[str, str]) -> str:
    if not marks.isdisjoint(rows.seals.marks(speaker.id)):
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
    profile, enrollments, former = speaker.profile, speaker.enrollments, speaker.former
    if not ours:
        profile = msgspec.structs.replace(profile, origin=profile.origin or bundle.store)
        # The hashes of the clips were made with the other store's secret: here they say nothing.
        enrollments, former = (tuple(one.without_content() for one in some) for some in (enrollments, former))
    rows.write(speaker.id, KeyRing.new(), profile, enrollments, "restored", former=former)


def _know_marks_of(rows: Rows, bundle: Bundle) -> None:
    """Marks are keyed by their store's secret; keep the key with which these can be told."""
    key = rows.seals.with_settings(bundle.settings).purposes.tombstone.key
    settings = rows.seals.settings
    known = dict.fromkeys((*settings.foreign_marks, key, *bundle.settings.foreign_marks))
    if tuple(known) != settings.foreign_marks:
        rows.put_settings(rows.seals.with_settings(msgspec.structs.replace(settings, foreign_marks=tuple(known))))
