"""Transactions of an open store, under the master keys and settings of the moment."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import RLock

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.errors import KeyFileError, StoreError
from voiceprint.storage.engine import Engine, ServerRows
from voiceprint.storage.former_layout import move_former
from voiceprint.storage.manifest import Verified
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.key_file import claim_key_file
from voiceprint.storage.sealing.master_keys import MasterKeys
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.vault import PurposeKeys, SealBrokenError
from voiceprint.storage.tables import Tables

__all__ = ["Transactions"]


class Transactions:
    """An engine and the master keys that open its rows. Thread-safe."""

    def __init__(self, engine: Engine, keys: MasterKeys) -> None:
        self.name, self.engine = engine.name, engine.kind
        self.folder = engine.folder
        self._engine = engine
        self._lock = RLock()
        self._keys = keys
        self._settings_token = b""
        self._seals: Seals | None = None
        self._verified = Verified()
        self._version: object = None
        self._revision = -1
        self._others = 0
        self._encoder: EncoderIdentity | None = None
        with self._lock:
            engine.upgrade(lambda database: move_former(database, self._current_seals))
        with self.reading() as rows:
            self._encoder, self.id = rows.seals.encoder, rows.seals.store_id
            self._revision = rows.state.revision
        claim_key_file(self._keys, self.id, data=self.folder)

    def close(self) -> None:
        """Close the engine."""
        with self._lock:
            self._engine.close()

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """A read transaction: one consistent view. Raises StoreError."""
        with self._lock, self._engine.reading() as tables:
            yield Rows(tables, self._current_seals(tables), self._verified)

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """A write transaction: all changes on disk at its end, none after an error.

        Raises StoreError.
        """
        with self._lock:
            with self._engine.writing() as tables:
                rows = Rows(tables, self._current_seals(tables), self._verified)
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
        """Whether no deleted byte is left in the files; never of a database that is not ours."""
        with self._lock:
            return self._engine.clear_log()

    def servers(self) -> AbstractContextManager[ServerRows]:
        """The servers over this store. Raises StoreError."""
        return self._engine.servers()

    @property
    def purposes(self) -> PurposeKeys:
        """The keys of the store's secret, which stays the same."""
        assert self._seals is not None  # known once it is open
        return self._seals.purposes

    @property
    def revision(self) -> int:
        """The number of changes to speakers that ``data_version`` has counted."""
        return self._revision

    def data_version(self) -> int:
        """A number that changes when another process has changed a speaker. Raises StoreError."""
        with self._lock:
            version = self._engine.version()
        if version != self._version:
            with self.reading() as rows:
                if rows.state.revision != self._revision:
                    self._others += 1
                self._revision, self._version = rows.state.revision, version
        return self._others

    # Inside

    def _current_seals(self, tables: Tables) -> Seals:
        """The seals under the present settings: another process may have changed key or templates."""
        token = tables.meta("settings") or b""
        if self._seals is None or token != self._settings_token:
            seals = self._open_seals(tables.meta("store") or b"", token)
            if self._encoder not in (None, seals.encoder):
                raise StoreError(
                    "encoder_changed",
                    f"The store {self.name} was moved to the encoder {seals.encoder.id} meanwhile; start again.",
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
                f"No key in {self._keys.source.name} opens the store {self.name}; give the key that it was made with.",
            ) from error
        except ValueError as error:
            raise StoreError("store_damaged", f"The store {self.name} does not say which store it is.") from error

    def _keys_again(self) -> MasterKeys:
        """The keys of their source, which another process may have rotated."""
        try:
            return self._keys.source.load(data=self.folder)
        except KeyFileError:
            return self._keys
