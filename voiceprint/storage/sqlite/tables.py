"""Rows of the store's tables, within one transaction. Sealed tokens pass through unread."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

from voiceprint.storage.sqlite.database import is_corrupt, typed_rows

__all__ = ["AuditRow", "SpeakerRow", "Tables"]

# Id, generation, sealed key, sealed body.
SpeakerRow = tuple[str, int, bytes, bytes]
# Number, sealed line, chain value.
AuditRow = tuple[int, bytes, str]

_SPEAKER = (str, int, bytes, bytes)
_SPEAKERS = "SELECT id, generation, key, body FROM speakers"


class Tables:
    """The tables meta, speakers, tombstones and audit. Rows of damaged types are left out."""

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

    # Speakers: one row each

    def speaker(self, speaker_id: str) -> SpeakerRow | None:
        """The row of a speaker; None without one."""
        found: list[SpeakerRow] = typed_rows(self.database, f"{_SPEAKERS} WHERE id = ?", _SPEAKER, speaker_id)
        return found[0] if found else None

    def speakers(self) -> Iterator[SpeakerRow]:
        """The rows of all speakers, in the order of their enrollment, without those on a lost page."""
        seen = set[str]()
        try:
            for row in self.database.execute(_SPEAKERS):
                if tuple(map(type, row)) == _SPEAKER:
                    seen.add(row[0])
                    yield row
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            for speaker_id in self.generations().keys() - seen:
                yield from self._unless_lost(speaker_id)

    def keys_after(self, speaker_id: str, count: int) -> list[tuple[str, int, bytes]]:
        """Id, generation and sealed key of the next ``count`` speakers in the order of their ids."""
        query = "SELECT id, generation, key FROM speakers WHERE id > ? ORDER BY id LIMIT ?"
        return self.database.execute(query, (speaker_id, count)).fetchall()

    def put_speaker(self, row: SpeakerRow) -> None:
        """Add or replace the row of a speaker."""
        self.database.execute(
            "INSERT INTO speakers VALUES (?, ?, ?, ?) ON CONFLICT (id)"
            " DO UPDATE SET generation = excluded.generation, key = excluded.key, body = excluded.body",
            row,
        )

    def put_key(self, speaker_id: str, key: bytes) -> None:
        """Replace the sealed key of a speaker."""
        self.database.execute("UPDATE speakers SET key = ? WHERE id = ?", (key, speaker_id))

    def generations(self) -> dict[str, int]:
        """The generation of each speaker id."""
        sql, kinds = "SELECT id, generation FROM speakers", (str, int)
        try:
            return dict(typed_rows(self.database, f"{sql} INDEXED BY generations", kinds))
        except sqlite3.DatabaseError:  # a lost page of the index; the table may be whole
            return dict(typed_rows(self.database, f"{sql} NOT INDEXED", kinds))

    def delete_speaker(self, speaker_id: str) -> int:
        """Delete the row of a speaker; the number of rows deleted."""
        return self.database.execute("DELETE FROM speakers WHERE id = ?", (speaker_id,)).rowcount

    def still_has(self, speaker_id: str) -> bool:
        """Whether the table still holds a speaker; read without indices, because an index can lie."""
        query = "SELECT count(*) FROM speakers NOT INDEXED WHERE id = ?"
        return bool(self.database.execute(query, (speaker_id,)).fetchone()[0])

    def delete_speakers(self) -> None:
        """Delete the rows of all speakers."""
        self.database.execute("DELETE FROM speakers")

    # Tombstones: keyed hashes of erased ids

    def tombstones(self) -> set[str]:
        """All tombstones."""
        found = typed_rows(self.database, "SELECT mark FROM tombstones", (str,))
        return {tombstone for (tombstone,) in found}

    def add_tombstone(self, tombstone: str) -> bool:
        """Add a tombstone of this day; False where it was there already."""
        query = "INSERT OR IGNORE INTO tombstones VALUES (?, ?)"
        day = datetime.now(UTC).date().isoformat()
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

    # Inside

    def _unless_lost(self, speaker_id: str) -> Iterator[SpeakerRow]:
        try:
            if (row := self.speaker(speaker_id)) is not None:
                yield row
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
