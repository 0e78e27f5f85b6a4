"""The store: everything that is kept, sealed, in one SQLite file.

What changes a store is acknowledged only after COMMIT. What does not open, does not fit the place where it lies, or was
put back or taken away as a whole is named and left out; so is a speaker who was forgotten and put back. Not noticed:
the whole file put back to an older state (note the audit log's last value elsewhere to notice that too).
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import msgspec

from voiceprint.domain.consent import check_consent
from voiceprint.domain.speaker import EncoderIdentity, Enrollment, Profile, StoredSpeaker, new_id
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import ModelError, StoreError
from voiceprint.storage.manifest import ManifestCache
from voiceprint.storage.receipts import Receipt, make_receipt
from voiceprint.storage.rows import Loaded, Rows
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sealing.seals import KeyRing, Seals
from voiceprint.storage.sealing.settings import StoreSettings, StoreState
from voiceprint.storage.sealing.vault import Vault
from voiceprint.storage.snapshot.contents import StoreContents
from voiceprint.storage.snapshot.snapshot import load_parts
from voiceprint.storage.sqlite.database import (
    DATABASE_NAME,
    create_database,
    has_database,
    open_database,
)
from voiceprint.storage.sqlite.room import give_room, keep_room
from voiceprint.storage.transactions import Transactions

__all__ = ["Loaded", "Store", "check_encoder", "has_store"]


def has_store(folder: Path) -> bool:
    """Whether there is data already, so that a key must exist."""
    return has_database(folder)


class Store(Transactions):
    """Use ``Store.open``. Safe to use from several threads; several processes may open the same folder."""

    @classmethod
    def open(cls, folder: Path, keys: MasterKeys, encoder: EncoderIdentity) -> Self:
        """Open the store of a folder, or make one.

        Raises StoreError, KeyFileError (``key_wrong``), ModelError (``encoder_mismatch``).
        """
        if not has_store(folder):
            cls.create(folder, keys, StoreSettings.new(encoder))
        store = cls.open_existing(folder, keys)
        try:
            check_encoder(store.path, store.encoder, encoder)
        except ModelError:
            store.close()
            raise
        return store

    @staticmethod
    def create(folder: Path, keys: MasterKeys, settings: StoreSettings, *, store_id: str | None = None) -> None:
        """An empty store; ``store_id``: to bring one back. Raises StoreError."""
        store_id = store_id or new_id()
        seals = Seals(store_id, Vault(keys, store_id), settings)
        create_database(folder, lambda database: _fill(database, seals))

    @classmethod
    def open_existing(cls, folder: Path, keys: MasterKeys) -> Self:
        """Open the store of a folder, whatever its encoder: to look after it, not to recognise anybody.

        Raises StoreError (also ``store_missing``), KeyFileError (``key_wrong``).
        """
        path = folder / DATABASE_NAME
        if not has_store(folder):
            raise StoreError("store_missing", f"There is no store at {path}.")
        database = open_database(folder)
        try:
            return cls(database, path, keys)
        except BaseException:
            database.close()
            raise

    @staticmethod
    def encoder_of(folder: Path, keys: MasterKeys) -> EncoderIdentity | None:
        """Which encoder the store of a folder belongs to; None where there is no store. Raises as ``open``."""
        if not has_store(folder):
            return None
        store = Store.open_existing(folder, keys)
        store.close()
        return store.encoder

    # Reading

    def load(self) -> Loaded:
        """Open every record; who is not whole is named in ``damaged`` and left out."""
        with self.reading() as rows:
            return rows.load()

    def load_quickly(self) -> StoreContents:
        """As ``load``, from the parts where there are any; rows that were damaged later than these were sealed are not
        noticed here.
        """
        with self.reading() as rows:
            parts = load_parts(rows)
            return StoreContents.of(rows.load()) if parts is None else parts

    def content_hash(self, data: bytes) -> str:
        """Keyed hash of a recording, to know it again without keeping anything of it."""
        with self._lock:
            assert self._seals is not None
            return self._seals.content_hash(data)

    # Writing

    def add_speaker(
        self,
        name: str,
        enrollments: Sequence[Enrollment],
        *,
        consent: Consent | None = None,
        groups: tuple[str, ...] = (),
    ) -> StoredSpeaker:
        """A new speaker with a key of their own. Raises StoreError, InputError (``bad_consent``); nothing changed."""
        check_consent(consent)
        profile = Profile(name=name, created_at=time.time(), groups=groups).agreed(consent)
        speaker = StoredSpeaker(new_id(), profile, tuple(enrollments))
        with self.writing() as rows:
            rows.write(speaker.id, KeyRing.new(), profile, enrollments, "enrolled")
        return speaker

    def add_enrollments(
        self, speaker_id: str, enrollments: Sequence[Enrollment], *, consent: Consent | None = None
    ) -> StoredSpeaker:
        """More enrollments, and the consent that came with them. What a former encoder made of the voice goes.

        Raises StoreError: ``record_damaged``, ``speaker_gone``; InputError (``bad_consent``).
        """
        check_consent(consent)
        with self.writing() as rows:
            speaker, ring = rows.read(speaker_id)
            profile = speaker.profile.agreed(consent) if consent else speaker.profile
            ring = rows.drop(speaker_id, ring, speaker.former)
            rows.write(speaker_id, ring, profile if consent else None, enrollments, "updated")
        return msgspec.structs.replace(
            speaker, profile=profile, enrollments=(*speaker.enrollments, *enrollments), former=()
        )

    def rename(self, speaker_id: str, name: str) -> StoredSpeaker:
        """Another name for the same speaker. Raises StoreError: ``record_damaged``, ``speaker_gone``."""
        return self._change(speaker_id, "renamed", lambda profile: msgspec.structs.replace(profile, name=name))

    def set_groups(self, speaker_id: str, groups: tuple[str, ...]) -> StoredSpeaker:
        """The groups of a speaker, from now on. Raises StoreError: ``record_damaged``, ``speaker_gone``."""
        return self._change(speaker_id, "grouped", lambda profile: msgspec.structs.replace(profile, groups=groups))

    def set_consent(self, speaker_id: str, consent: Consent | None) -> StoredSpeaker:
        """What the person agreed to, from now on. Raises StoreError, InputError (``bad_consent``)."""
        check_consent(consent)
        return self._change(speaker_id, "consent", lambda profile: profile.agreed(consent))

    def touch(self, speaker_id: str, day: str) -> StoredSpeaker:
        """Note the day (YYYY-MM-DD) on which somebody was last recognised; writes at most once a day.

        Raises StoreError.
        """
        with self.reading() as rows:
            speaker, _ = rows.read(speaker_id)
        if speaker.profile.last_seen == day:
            return speaker
        return self._change(speaker_id, "seen", lambda profile: msgspec.structs.replace(profile, last_seen=day))

    def note(self, event: str, speaker_id: str | None = None, **details: str | int | float) -> None:
        """A line in the audit log, for instance of a decision. Never pass a name. Raises StoreError."""
        with self.writing() as rows:
            rows.note(event, speaker_id, **details)

    def forget(self, speaker_id: str, *, reason: str = "asked") -> Receipt:
        """Destroy the key and the records, leave a mark that says nothing, and clear the write-ahead log.

        Also for a damaged speaker, and on a full disk. Raises StoreError (``speaker_gone``).
        """
        try:
            return self._forget(speaker_id, reason)
        except StoreError as error:
            if error.code != "store_full" or not give_room(self.path):
                raise
        receipt = self._forget(speaker_id, reason)
        keep_room(self.path)
        return receipt

    # Inside

    def _forget(self, speaker_id: str, reason: str) -> Receipt:
        with self.writing() as rows:
            records = rows.erase(speaker_id, reason)
        return make_receipt(rows, speaker_id, reason=reason, records=records, log_cleared=self.clear_log())

    def _change(self, speaker_id: str, event: str, change: Callable[[Profile], Profile]) -> StoredSpeaker:
        with self.writing() as rows:
            speaker, ring = rows.read(speaker_id)
            profile = change(speaker.profile)
            if event != "seen":  # what is no longer so must not stay sealed elsewhere; the day is no secret to keep
                rows.drop_part(speaker_id)
            rows.write(speaker_id, ring, profile, (), event)
        return msgspec.structs.replace(speaker, profile=profile)


def _fill(database: sqlite3.Connection, seals: Seals) -> None:
    database.execute("INSERT INTO meta VALUES ('store', ?)", (seals.store_id.encode(),))
    database.execute("INSERT INTO meta VALUES ('settings', ?)", (seals.seal_settings(),))
    database.execute("INSERT INTO meta VALUES ('state', ?)", (seals.seal_state(StoreState(lineage=new_id())),))
    rows = Rows(database, seals, ManifestCache())
    rows.note("created")
    rows.save_state()


def check_encoder(path: Path, belongs: EncoderIdentity, given: EncoderIdentity) -> None:
    """Raises ModelError (``encoder_mismatch``) unless it is the encoder that the store belongs to."""
    if belongs == given:
        return
    if belongs.id == given.id:
        raise ModelError(
            "encoder_mismatch",
            f"The store {path} belongs to another copy of the encoder {belongs.id} ({belongs.fingerprint[:12]}, not "
            f"{given.fingerprint[:12]}); bring that copy back, or use another --data folder.",
        )
    raise ModelError(
        "encoder_mismatch",
        f"The store {path} belongs to the encoder {belongs.id}, not to {given.id}; start with --encoder {belongs.id}, "
        "or use another --data folder.",
    )
