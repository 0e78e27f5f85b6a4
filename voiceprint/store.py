"""The store: everything that is kept, sealed, in one SQLite file. Knows SQL, and nothing of what is inside a seal.

What changes a store is acknowledged only after COMMIT. What does not open, or does not fit the place where it lies, is
named and left out, and so is a speaker who was forgotten and put back (their tombstone knows). Not noticed: the whole
file, or a speaker's key together with all of their records, put back to an older state.
"""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Self

import msgspec

from voiceprint.database import DATABASE_NAME, explained, open_database, snapshot, transaction
from voiceprint.errors import KeyFileError, ModelError, StoreError
from voiceprint.keyfile import MasterKeys
from voiceprint.messages import Consent
from voiceprint.records import EncoderIdentity, Enrollment, Profile, StoredSpeaker, new_id
from voiceprint.seals import KeyRing, Row, Seals
from voiceprint.vault import SealBrokenError

__all__ = ["Loaded", "Store", "has_store"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everybody whose records open, and the opaque ids of those whose records do not."""

    speakers: tuple[StoredSpeaker, ...]
    damaged: tuple[str, ...]


def has_store(folder: Path) -> bool:
    """Whether there is data already, so that a key must exist."""
    return (folder / DATABASE_NAME).exists()


class Store:
    """Use ``Store.open``. Safe to use from several threads; several processes may open the same folder."""

    def __init__(self, database: sqlite3.Connection, path: Path, seals: Seals) -> None:
        self.path = path
        self.encoder = seals.encoder
        self._database = database
        self._seals = seals
        self._lock = RLock()

    @classmethod
    def open(cls, folder: Path, keys: MasterKeys, encoder: EncoderIdentity) -> Self:
        """Open the store of a folder, or make one.

        Raises StoreError, KeyFileError (``key_wrong``), ModelError (``encoder_mismatch``).
        """
        path = folder / DATABASE_NAME
        database = open_database(folder)
        try:
            with explained(path), transaction(database):
                seals = _read_seals(database, path, keys)
                if seals is None:
                    seals = Seals.new(keys, encoder)
                    database.execute("INSERT INTO meta VALUES ('store', ?)", (seals.store_id.encode(),))
                    database.execute("INSERT INTO meta VALUES ('settings', ?)", (seals.settings_token(),))
            _check_encoder(path, seals.encoder, encoder)
        except BaseException:
            database.close()
            raise
        return cls(database, path, seals)

    @staticmethod
    def encoder_of(folder: Path, keys: MasterKeys) -> EncoderIdentity | None:
        """Which encoder the store of a folder belongs to; None where there is no store. Raises as ``open``."""
        if not has_store(folder):
            return None
        path = folder / DATABASE_NAME
        database = open_database(folder)
        try:
            with explained(path):
                seals = _read_seals(database, path, keys)
        finally:
            database.close()
        return seals.encoder if seals is not None else None

    def close(self) -> None:
        with self._lock:
            self._database.close()

    # Reading

    def load(self) -> Loaded:
        """Open every record; who is not whole is named in ``damaged`` and left out."""
        with self._lock, explained(self.path), snapshot(self._database):
            keys = self._database.execute("SELECT speaker_id, token FROM keys ORDER BY rowid").fetchall()
            marks = {mark for (mark,) in self._database.execute("SELECT mark FROM tombstones")}
            rows: dict[str, list[Row]] = {}
            for speaker_id, *row in self._database.execute(
                "SELECT speaker_id, id, type, version, token FROM records ORDER BY rowid"
            ):
                rows.setdefault(speaker_id, []).append(Row(*row))
        speakers, damaged = [], sorted(set(rows) - {speaker_id for speaker_id, _ in keys})
        for speaker_id, token in keys:
            try:
                ring = self._seals.open_ring(speaker_id, token)
                speaker = self._seals.open_speaker(speaker_id, ring, rows.get(speaker_id, []))
            except SealBrokenError:
                damaged.append(speaker_id)
                continue
            if self._seals.mark(speaker_id) in marks:  # forgotten, and put back by somebody
                damaged.append(speaker_id)
            else:
                speakers.append(speaker)
        return Loaded(tuple(speakers), tuple(damaged))

    def data_version(self) -> int:
        """Changes when another process has written; our own writes do not change it."""
        with self._lock, explained(self.path):
            (version,) = self._database.execute("PRAGMA data_version").fetchone()
            return int(version)

    def content_hash(self, data: bytes) -> str:
        """Keyed hash of a recording, to know it again without keeping anything of it."""
        return self._seals.content_hash(data)

    # Writing

    def add_speaker(
        self, name: str, enrollments: Sequence[Enrollment], *, consent: Consent | None = None
    ) -> StoredSpeaker:
        """A new speaker with a key of their own. Raises StoreError; then nothing was changed."""
        now = time.time()
        profile = Profile(name=name, created_at=now, consent=consent, consent_at=now if consent else None)
        speaker = StoredSpeaker(new_id(), profile, tuple(enrollments))
        with self._lock, explained(self.path), transaction(self._database):
            self._write(speaker.id, KeyRing.new(), profile, enrollments)
        return speaker

    def add_enrollments(self, speaker_id: str, enrollments: Sequence[Enrollment]) -> StoredSpeaker:
        """More enrollments. Raises StoreError: ``record_damaged``, ``speaker_gone``."""
        with self._lock, explained(self.path), transaction(self._database):
            speaker, ring = self._read(speaker_id)
            self._write(speaker_id, ring, None, enrollments)
        return replace(speaker, enrollments=(*speaker.enrollments, *enrollments))

    def rename(self, speaker_id: str, name: str) -> StoredSpeaker:
        """Another name for the same speaker. Raises StoreError: ``record_damaged``, ``speaker_gone``."""
        with self._lock, explained(self.path), transaction(self._database):
            speaker, ring = self._read(speaker_id)
            profile = msgspec.structs.replace(speaker.profile, name=name)
            self._write(speaker_id, ring, profile, ())
        return replace(speaker, profile=profile)

    def forget(self, speaker_id: str) -> None:
        """Destroy the key and the records, leave a mark that says nothing, and clear the write-ahead log.

        Also for a damaged speaker. Raises StoreError (``speaker_gone``).
        """
        today = datetime.now(UTC).date().isoformat()
        with self._lock, explained(self.path):
            with transaction(self._database):
                self._database.execute("DELETE FROM records WHERE speaker_id = ?", (speaker_id,))
                if not self._database.execute("DELETE FROM keys WHERE speaker_id = ?", (speaker_id,)).rowcount:
                    raise _gone()
                mark = self._seals.mark(speaker_id)
                self._database.execute("INSERT OR REPLACE INTO tombstones VALUES (?, ?)", (mark, today))
                self._database.execute("UPDATE state SET epoch = epoch + 1")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # Inside, within a transaction

    def _read(self, speaker_id: str) -> tuple[StoredSpeaker, KeyRing]:
        found = self._database.execute("SELECT token FROM keys WHERE speaker_id = ?", (speaker_id,)).fetchone()
        if found is None:
            raise _gone()
        rows = self._database.execute(
            "SELECT id, type, version, token FROM records WHERE speaker_id = ? ORDER BY rowid", (speaker_id,)
        )
        try:
            ring = self._seals.open_ring(speaker_id, found[0])
            return self._seals.open_speaker(speaker_id, ring, [Row(*row) for row in rows]), ring
        except SealBrokenError as error:
            raise StoreError("record_damaged", f"The record {speaker_id} is damaged; it was not changed.") from error

    def _write(
        self, speaker_id: str, ring: KeyRing, profile: Profile | None, enrollments: Sequence[Enrollment]
    ) -> None:
        rows = []
        if profile is not None:
            row, ring = self._seals.seal_profile(speaker_id, ring, profile)
            rows.append(row)
        for enrollment in enrollments:
            row, ring = self._seals.seal_enrollment(speaker_id, ring, enrollment)
            rows.append(row)
        self._database.execute(
            "INSERT INTO keys VALUES (?, ?) ON CONFLICT (speaker_id) DO UPDATE SET token = excluded.token",
            (speaker_id, self._seals.seal_ring(speaker_id, ring)),
        )
        self._database.executemany(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)",
            [(row.id, speaker_id, row.kind, row.version, row.token) for row in rows],
        )


def _read_seals(database: sqlite3.Connection, path: Path, keys: MasterKeys) -> Seals | None:
    found = dict(database.execute("SELECT key, value FROM meta"))
    if not found:
        return None
    try:
        return Seals.open(keys, found["store"].decode(), found["settings"])
    except (KeyError, ValueError) as error:
        raise StoreError("store_damaged", f"The store {path} does not say which store it is.") from error
    except SealBrokenError as error:
        raise KeyFileError(
            "key_wrong", f"No key in {keys.path} opens the store {path}; give the key file that it was made with."
        ) from error


def _check_encoder(path: Path, belongs: EncoderIdentity, given: EncoderIdentity) -> None:
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


def _gone() -> StoreError:
    return StoreError("speaker_gone", "The speaker is not in the store any more.")
