"""Rows of the store's tables, within one transaction. Sealed tokens pass through unread."""

import sqlite3
from collections.abc import Iterable

from voiceprint.storage.sqlite.database import rows_or_lost, typed_rows

__all__ = ["KeyRow", "RecordRow", "SpeakerRecordRow", "Tables"]

# Speaker id, generation, sealed key ring.
KeyRow = tuple[str, int, bytes]
# Record id, type, version, sealed record.
RecordRow = tuple[str, str, int, bytes]
# Speaker id, and the record as above.
SpeakerRecordRow = tuple[str, str, str, int, bytes]
# Number, sealed line, chain value.
AuditRow = tuple[int, bytes, str]

_KEYS = "SELECT speaker_id, generation, token FROM keys"
_RECORDS = "SELECT speaker_id, id, type, version, token FROM records"
_KEY = (str, int, bytes)
_RECORD = (str, str, int, bytes)


class Tables:
    """The tables meta, keys, records, tombstones and audit. Rows of damaged types are left out."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    # Meta: the store's id, and sealed values of one row each

    def meta(self, key: str) -> bytes | None:
        """The value of a key; None without one."""
        found = typed_rows(self.database, "SELECT value FROM meta WHERE key = ?", (bytes,), key)
        return found[0][0] if found else None

    def put_meta(self, key: str, value: bytes) -> None:
        """Set the value of a key."""
        self.database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def delete_meta(self, key: str) -> None:
        """Delete the value of a key."""
        self.database.execute("DELETE FROM meta WHERE key = ?", (key,))

    # Keys: one key ring a speaker

    def key(self, speaker_id: str) -> tuple[int, bytes] | None:
        """Generation and sealed key ring of a speaker; None without one."""
        query = "SELECT generation, token FROM keys WHERE speaker_id = ?"
        found = typed_rows(self.database, query, _KEY[1:], speaker_id)
        return found[0] if found else None

    def keys(self) -> list[KeyRow]:
        """The keys of all speakers, in the order of their enrollment."""
        return typed_rows(self.database, f"{_KEYS} ORDER BY rowid", _KEY)

    def sound_keys(self, speakers: Iterable[str]) -> tuple[list[KeyRow], set[str]]:
        """As ``keys``, and the speakers whose key lay on a lost page."""
        return rows_or_lost(self.database, _KEYS, _KEY, speakers)

    def keys_after(self, speaker_id: str, count: int) -> list[KeyRow]:
        """The next ``count`` keys in the order of their ids."""
        query = f"{_KEYS} WHERE speaker_id > ? ORDER BY speaker_id LIMIT ?"
        return self.database.execute(query, (speaker_id, count)).fetchall()

    def put_key(self, speaker_id: str, generation: int, token: bytes) -> None:
        """Add or replace the key of a speaker."""
        self.database.execute(
            "INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT (speaker_id)"
            " DO UPDATE SET generation = excluded.generation, token = excluded.token",
            (speaker_id, generation, token),
        )

    def generations(self) -> dict[str, int]:
        """The generation (number of changes) of each speaker id."""
        sql = "SELECT speaker_id, generation FROM keys"
        try:
            return dict(typed_rows(self.database, f"{sql} INDEXED BY generations", _KEY[:2]))
        except sqlite3.DatabaseError:  # a lost page of the index; the table may be whole
            return dict(typed_rows(self.database, f"{sql} NOT INDEXED", _KEY[:2]))

    def count_speakers(self) -> int:
        """The number of keys."""
        return int(self.database.execute("SELECT count(*) FROM keys").fetchone()[0])

    # Records: a profile and enrollments of each speaker

    def records(self, speaker_id: str) -> list[RecordRow]:
        """The records of a speaker, in the order of writing."""
        query = "SELECT id, type, version, token FROM records WHERE speaker_id = ? ORDER BY rowid"
        return typed_rows(self.database, query, _RECORD, speaker_id)

    def sound_records(self, speakers: Iterable[str]) -> tuple[list[SpeakerRecordRow], set[str]]:
        """The records of all speakers, and the speakers with a record on a lost page."""
        return rows_or_lost(self.database, _RECORDS, (str, *_RECORD), speakers)

    def put_records(self, speaker_id: str, records: Iterable[RecordRow]) -> None:
        """Add or replace records of a speaker."""
        rows = [(record_id, speaker_id, kind, version, token) for record_id, kind, version, token in records]
        self.database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", rows)

    def delete_records(self, speaker_id: str, record_ids: Iterable[str]) -> None:
        """Delete records of a speaker."""
        rows = [(speaker_id, record_id) for record_id in record_ids]
        self.database.executemany("DELETE FROM records WHERE speaker_id = ? AND id = ?", rows)

    def speakers_with_records(self) -> set[str]:
        """Ids of the speakers with a record, with or without a key."""
        found = typed_rows(self.database, "SELECT DISTINCT speaker_id FROM records", (str,))
        return {speaker_id for (speaker_id,) in found}

    def has_records(self, speaker_id: str) -> bool:
        """Whether a speaker has a record, with or without a key."""
        query = "SELECT count(*) FROM records WHERE speaker_id = ?"
        return bool(self.database.execute(query, (speaker_id,)).fetchone()[0])

    def delete_speaker(self, speaker_id: str) -> int:
        """Delete key and records of a speaker; the number of records deleted."""
        records = self.database.execute("DELETE FROM records WHERE speaker_id = ?", (speaker_id,)).rowcount
        self.database.execute("DELETE FROM keys WHERE speaker_id = ?", (speaker_id,))
        return records

    def tables_with(self, speaker_id: str, part: str) -> list[str]:
        """The tables that still hold a speaker or a part; without indices, because an index can lie."""
        wanted = (("keys", "speaker_id", speaker_id), ("records", "speaker_id", speaker_id), ("parts", "part", part))
        return [table for table, column, value in wanted if self._count_unindexed(table, column, value)]

    def _count_unindexed(self, table: str, column: str, value: str) -> int:
        sql = f"SELECT count(*) FROM {table} NOT INDEXED WHERE {column} = ?"  # noqa: S608 - our own names
        found: int = self.database.execute(sql, (value,)).fetchone()[0]
        return found

    def delete_speakers(self) -> None:
        """Delete keys and records of all speakers."""
        self.database.execute("DELETE FROM records")
        self.database.execute("DELETE FROM keys")

    # Tombstones: keyed hashes of erased ids

    def tombstones(self) -> set[str]:
        """All tombstones."""
        found = typed_rows(self.database, "SELECT mark FROM tombstones", (str,))
        return {tombstone for (tombstone,) in found}

    def add_tombstone(self, tombstone: str, day: str) -> bool:
        """Add a tombstone; False where it was there already."""
        query = "INSERT OR IGNORE INTO tombstones VALUES (?, ?)"
        return bool(self.database.execute(query, (tombstone, day)).rowcount)

    def delete_tombstone(self, tombstone: str) -> bool:
        """Delete a tombstone; False where there is none."""
        return bool(self.database.execute("DELETE FROM tombstones WHERE mark = ?", (tombstone,)).rowcount)

    # Audit: the chained lines of the log

    def audit_rows(self, count: int = -1) -> list[AuditRow]:
        """The oldest ``count`` rows of the audit log, or all of them."""
        query = "SELECT number, token, chain FROM audit ORDER BY number LIMIT ?"
        return typed_rows(self.database, query, (int, bytes, str), count)

    def last_audit_row(self) -> AuditRow | None:
        """The newest row of the audit log; None without one."""
        query = "SELECT number, token, chain FROM audit ORDER BY number DESC LIMIT 1"
        found: list[AuditRow] = typed_rows(self.database, query, (int, bytes, str))
        return found[0] if found else None

    def add_audit_row(self, row: AuditRow) -> None:
        """Append a row to the audit log."""
        self.database.execute("INSERT INTO audit VALUES (?, ?, ?)", row)

    def delete_audit_rows(self, last: int) -> None:
        """Delete the rows of the audit log up to the number ``last``."""
        self.database.execute("DELETE FROM audit WHERE number <= ?", (last,))
