"""One open store as its keys and its transactions: what everything that reads or writes it stands on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.errors import KeyFileError, StoreError
from voiceprint.storage.manifest import ManifestCache
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.key_file import MasterKeys, claim_key_file, load_key_file
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.sqlite.database import clear_log, explained, snapshot, transaction, typed_rows

__all__ = ["Transactions"]


class Transactions:
    """A database and the master keys that open it. Safe to use from several threads."""

    def __init__(self, database: sqlite3.Connection, path: Path, keys: MasterKeys) -> None:
        self.path = path
        self._database = database
        self._lock = RLock()
        self._keys = keys
        self._settings_token = b""
        self._seals: Seals | None = None
        self._remembered = ManifestCache()
        self._pragma_version = -1
        self._revision = -1
        self._others = 0
        self._encoder: EncoderIdentity | None = None
        with self.reading() as rows:
            self._encoder, self.id = rows.seals.encoder, rows.seals.store_id
            self._revision = rows.state.revision
        claim_key_file(self._keys, self.id, data=path.parent)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """One consistent view. Raises StoreError."""
        with self._lock, explained(self.path), snapshot(self._database):
            yield Rows(self._database, self._current_seals(), self._remembered)

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """All of it is on disk at the end, or none of it. Raises StoreError."""
        with self._lock, explained(self.path):
            with transaction(self._database):
                rows = Rows(self._database, self._current_seals(), self._remembered)
                before = rows.state.revision
                yield rows
                rows.save_state()
            rows.manifest.settle()
            if before == self._revision:  # nobody else wrote in between, so this is no news to us
                self._revision = rows.state.revision

    @property
    def encoder(self) -> EncoderIdentity:
        """Which encoder made what is compared here."""
        assert self._encoder is not None  # known once it is open
        return self._encoder

    @property
    def former(self) -> EncoderIdentity | None:
        """The encoder that the store is being moved away from, while it is."""
        assert self._seals is not None
        return self._seals.settings.former

    @property
    def enroll_waiting(self) -> bool:
        """Whether the operator lets whoever the former encoder recognises be enrolled under the new one."""
        assert self._seals is not None
        return self._seals.settings.enroll_waiting

    def use_encoder(self, encoder: EncoderIdentity) -> None:
        """From now on this encoder, to which the store was moved."""
        with self._lock:
            self._encoder = encoder

    def use_keys(self, keys: MasterKeys) -> None:
        """From now on these master keys, which open the same store."""
        with self._lock:
            self._keys, self._settings_token = keys, b""

    @property
    def keys(self) -> MasterKeys:
        """The master keys in use."""
        return self._keys

    def clear_log(self) -> bool:
        """Leave no byte of what was deleted in the write-ahead log.

        False while another process still reads, or where the disk fails; then the next start clears it.
        """
        try:
            with self._lock, explained(self.path):
                return clear_log(self._database)
        except StoreError:
            return False

    def data_version(self) -> int:
        """Changes when another process has changed a speaker; our own changes do not change it."""
        with self._lock, explained(self.path):
            (version,) = self._database.execute("PRAGMA data_version").fetchone()
        if version != self._pragma_version:
            with self.reading() as rows:
                if rows.state.revision != self._revision:
                    self._others += 1
                self._revision, self._pragma_version = rows.state.revision, version
        return self._others

    # Inside

    def _current_seals(self) -> Seals:
        """The seals as the settings are now: another process may have rotated or renewed since."""
        found = dict(
            typed_rows(self._database, "SELECT key, value FROM meta WHERE key IN ('store', 'settings')", (str, bytes))
        )
        token = found.get("settings", b"")
        if self._seals is None or token != self._settings_token:
            seals = self._open_seals(found.get("store", b""), token)
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
        """The key file may have been rotated since we read it."""
        try:
            return load_key_file(self._keys.path, data=self.path.parent)
        except KeyFileError:
            return self._keys
