"""Rotation of the master key while the store is in use; a kill at any moment loses nothing.

1. the new key becomes the first line of the key file (the old one stays below)
2. the settings are sealed under it, which tells every other process to read the key file again
3. the speakers' keys are sealed under it in batches
4. all speakers are read again with the new key alone
5. the old line is removed, unless another store that uses the file still needs it

Started again after a kill it continues: a key file of several keys is an unfinished rotation. A copy of store and key
file made before still opens; template renewal makes it useless with the store.

Only a key file is written. Keys that are brought to us (a credential, a variable, a command, a mounted secret) come
with the new one first: steps 1 and 5 are their owner's.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec
from cryptography.fernet import Fernet

from voiceprint.errors import KeyFileError, StoreError
from voiceprint.storage.sealing.key_file import hold_key_file, replace_key_file
from voiceprint.storage.sealing.master_keys import MasterKeys
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.vault import SealBrokenError, Vault
from voiceprint.storage.store import Store

__all__ = ["RotationReport", "rotate"]

_BATCH = 500


class RotationReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a rotation.

    ``rewrapped``: number of keys; ``resumed``: whether an unfinished rotation was finished, without a new key.
    ``old_keys_dropped``: False where the key file cannot be written, so that its owner must remove the old lines, or
    where ``waiting_stores`` (ids) are still sealed under an older key.
    """

    rewrapped: int
    resumed: bool
    old_keys_dropped: bool
    waiting_stores: tuple[str, ...] = ()


def rotate(store: Store, *, progress: Callable[[int], None] = lambda _: None) -> RotationReport:
    """The report of a rotation. ``progress``: called with the number of speakers done so far.

    Raises KeyFileError (``key_not_made``), with nothing changed, or StoreError; then call it again.
    """
    try:
        with hold_key_file(store.keys.path):
            return _rotate(store, progress)
    except KeyFileError as error:
        if error.code == "key_not_made" and len(store.keys.keys) > 1:
            return _rotate(store, progress)  # not ours to write: its owner has put the new key first
        raise


def _rotate(store: Store, progress: Callable[[int], None]) -> RotationReport:
    keys = store.keys.source.load(data=store.folder)
    resumed = len(keys.keys) > 1
    if not resumed:
        keys = MasterKeys((Fernet.generate_key(), *keys.keys), keys.source, keys.stores)
        replace_key_file(keys)
    store.use_keys(keys)
    with store.writing() as rows:
        rows.put_settings(rows.seals)
        rows.note("rotation_begun")
    done = _rewrap_all(store, progress)
    _check_everything_opens(store, MasterKeys(keys.keys[:1], keys.source))
    with store.writing() as rows:
        rows.note("rotated", speakers=done)
    store.clear_log()
    dropped, waiting = _drop_old(store, keys)
    return RotationReport(rewrapped=done, resumed=resumed, old_keys_dropped=dropped, waiting_stores=waiting)


def _rewrap_all(store: Store, progress: Callable[[int], None]) -> int:
    done, last = 0, ""
    while True:
        with store.writing() as rows:
            batch = rows.tables.keys_after(last, _BATCH)
            for speaker_id, generation, token in batch:
                with suppress(SealBrokenError):  # damaged before; load() and check() report it
                    rows.tables.put_key(speaker_id, rows.seals.reseal_key(speaker_id, generation, token))
        if not batch:
            return done
        last = batch[-1][0]
        done += len(batch)
        progress(done)


def _check_everything_opens(store: Store, newest: MasterKeys) -> None:
    with store.reading() as rows:
        token = rows.tables.meta("settings") or b""
        before = {speaker.id for speaker in rows.load().speakers}
        rows.seals = Seals(rows.seals.store_id, Vault(newest, rows.seals.store_id), rows.seals.settings)
        try:
            Seals.open(newest, rows.seals.store_id, token)
            lost = before - {speaker.id for speaker in rows.load().speakers}
        except SealBrokenError as error:
            raise StoreError("rotation_unfinished", "The settings do not open with the new key alone.") from error
    if lost:
        raise StoreError("rotation_unfinished", f"{len(lost)} speakers do not open with the new key alone.")


def _drop_old(store: Store, keys: MasterKeys) -> tuple[bool, tuple[str, ...]]:
    stores = {**keys.stores, store.id: keys.tag}
    waiting = tuple(store_id for store_id, tag in stores.items() if tag != keys.tag)
    left = MasterKeys(keys.keys if waiting else keys.keys[:1], keys.source, stores)
    try:
        replace_key_file(left)
    except KeyFileError:
        return False, waiting
    store.use_keys(left)
    return not waiting, waiting
