"""Transactions of an open store, under the master keys and settings of the moment."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.errors import KeyFileError, StoreError
from voiceprint.storage.former_layout import move_former
from voiceprint.storage.manifest_cache import ManifestCache
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.key_file import MasterKeys, claim_key_file, load_key_file
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.sqlite.database import clear_log, data_version, explained, snapshot, transaction
from voiceprint.storage.sqlite.tables import Tables

__all__ = ["Transactions"]


class Transactions:
    """A database and the master keys that open it. Thread-safe."""

    def __init__(self, database: sqlite3.Connection, path: Path, keys: MasterKeys) -> None:
        self.path = path
        self._database = database
        self._lock = RLock()
        self._keys = keys
        self._settings_token = b""
        self._seals: Seals | None = None
        self._cache = ManifestCache()
        self._pragma_version = -1
        self._revision = -1
        self._others = 0
        self._encoder: EncoderIdentity | None = None
        with self._lock, explained(path):
            move_former(database, self._current_seals)
        with self.reading() as rows:
            self._encoder, self.id = rows.seals.encoder, rows.seals.store_id
            self._revision = rows.state.revision
        claim_key_file(self._keys, self.id, data=path.parent)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """A read transaction: one consistent view. Raises StoreError."""
        with self._lock, explained(self.path), snapshot(self._database):
            yield Rows(self._database, self._current_seals(), self._cache)

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """A write transaction: all changes on disk at its end, none after an error.

        Raises StoreError.
        """
        with self._lock, explained(self.path):
            with transaction(self._database):
                rows = Rows(self._database, self._current_seals(), self._cache)
                before = rows.state.revision
                yield rows
                rows.save_state()
            rows.manifest.settle(rows.state)
            if before == self._revision:  # no other process wrote in between, so this is no news
                self._revision = rows.state.revision

    @property
    def encoder(self) -> EncoderIdentity:
        """The encoder of the store's templates."""
        assert self._encoder is not None  # known once it is open
        return self._encoder

    @property
    def previous_encoder(self) -> EncoderIdentity | None:
        """The previous encoder during a migration, else None."""
        assert self._seals is not None
        return self._seals.settings.previous_encoder

    @property
    def enroll_waiting(self) -> bool:
        """Whether speakers that the previous encoder recognises are enrolled under the new one."""
        assert self._seals is not None
        return self._seals.settings.enroll_waiting

    def use_encoder(self, encoder: EncoderIdentity) -> None:
        """Continue with the encoder that the store was migrated to."""
        with self._lock:
            self._encoder = encoder

    def use_keys(self, keys: MasterKeys) -> None:
        """Continue with other master keys, which open the same store."""
        with self._lock:
            self._keys, self._settings_token = keys, b""

    @property
    def keys(self) -> MasterKeys:
        """The master keys in use."""
        return self._keys

    def clear_log(self) -> bool:
        """Whether the write-ahead log was cleared of every deleted byte.

        False while another process still reads, or where the disk fails; then the next start clears it.
        """
        try:
            with self._lock, explained(self.path):
                return clear_log(self._database)
        except StoreError:
            return False

    def data_version(self) -> int:
        """A number that changes when another process has changed a speaker. Raises StoreError."""
        with self._lock, explained(self.path):
            version = data_version(self._database)
        if version != self._pragma_version:
            with self.reading() as rows:
                if rows.state.revision != self._revision:
                    self._others += 1
                self._revision, self._pragma_version = rows.state.revision, version
        return self._others

    # Inside

    def _current_seals(self) -> Seals:
        """The seals under the present settings: another process may have changed key or templates."""
        tables = Tables(self._database)
        token = tables.meta("settings") or b""
        if self._seals is None or token != self._settings_token:
            seals = self._open_seals(tables.meta("store") or b"", token)
            if self._encoder not in (None, seals.encoder):
                raise StoreError(
                    "encoder_changed",
                    f"The store {self.path} was moved to the encoder {seals.encoder.id} meanwhile; start again.",
                )
            self._seals, self._settings_token = seals, token
        return self._seals

    def _open_seals(self, store_id: bytes, token: bytes) -> Seals:
        try:
            try:
                return Seals.open(self._keys, store_id.decode(), token)
            except SealBrokenError:
                self._keys = self._keys_again()
                return Seals.open(self._keys, store_id.decode(), token)
        except SealBrokenError as error:
            raise KeyFileError(
                "key_wrong",
                f"No key in {self._keys.path} opens the store {self.path}; give the key file that it was made with.",
            ) from error
        except ValueError as error:
            raise StoreError("store_damaged", f"The store {self.path} does not say which store it is.") from error

    def _keys_again(self) -> MasterKeys:
        """The keys of the file, which another process may have rotated."""
        try:
            return load_key_file(self._keys.path, data=self.path.parent)
        except KeyFileError:
            return self._keys
