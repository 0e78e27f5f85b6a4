"""Rows of a store's tables, within one transaction: SQL that both engines take. Sealed tokens pass through unread."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from voiceprint.errors import StoreError

__all__ = ["SPEAKERS", "SPEAKER_TYPES", "AuditRow", "Session", "SpeakerRow", "Tables"]

# Id, generation, sealed key, sealed body.
SpeakerRow = tuple[str, int, bytes, bytes]
# Number, sealed line, chain value.
AuditRow = tuple[int, bytes, str]

SPEAKERS = "SELECT id, generation, key, body FROM speakers"
SPEAKER_TYPES = (str, int, bytes, bytes)
# Number of columns of the tables beside ``speakers``.
COLUMNS = {"meta": 2, "tombstones": 2, "audit": 3}
_ALL = 1 << 62


class Results(Protocol):
    """The rows of a statement."""

    @property
    def rowcount(self) -> int: ...
    def __iter__(self) -> Any: ...  # noqa: ANN401 - as the drivers say
    def fetchall(self) -> list[Any]: ...


class Session(Protocol):
    """A connection within a transaction; values stand for question marks."""

    def execute(self, sql: str, values: Sequence[object] = (), /) -> Results: ...


class Tables:
    """The tables meta, speakers, tombstones and audit. Rows of damaged types are left out."""

    def __init__(self, database: Session) -> None:
        self.database = database

    # Of the engine

    def faults(self) -> list[str]:
        """One sentence for each fault of the schema, and of the database itself."""
        raise NotImplementedError

    def schema_faults(self) -> list[str]:
        """One sentence for each entry of the schema that is foreign, changed or missing."""
        raise NotImplementedError

    def speakers(self) -> Iterable[SpeakerRow]:
        """The rows of all speakers, without those that cannot be read."""
        raise NotImplementedError

    def generations(self) -> dict[str, int]:
        """The generation of each speaker id."""
        return dict(self.typed("SELECT id, generation FROM speakers", SPEAKER_TYPES[:2]))

    def still_has(self, speaker_id: str) -> bool:
        """Whether the table still holds a speaker."""
        return bool(self.database.execute("SELECT 1 FROM speakers WHERE id = ?", (speaker_id,)).fetchall())

    def require_own_schema(self) -> None:
        """Refuse a schema with faults: it is code that runs. Raises StoreError (``schema_changed``)."""
        if faults := self.schema_faults():
            raise StoreError("schema_changed", " ".join(faults))

    def typed(self, sql: str, kinds: tuple[type, ...], *values: object) -> list[tuple[Any, ...]]:
        """The rows whose columns have these types; a damaged page can hold other ones."""
        return [row for row in self.database.execute(sql, values) if tuple(map(type, row)) == kinds]

    # All tables, for a move to another engine

    def copy_to(self, target: "Tables") -> None:
        """Copy all rows into the empty tables of another engine."""
        for table, columns in COLUMNS.items():
            insert = f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})"  # noqa: S608
            for row in self.database.execute(f"SELECT * FROM {table}"):  # noqa: S608 - our own names
                target.database.execute(insert, row)
        for speaker in self.speakers():
            target.put_speaker(speaker)

    # Meta: the store's id, and sealed values of one row each

    def meta(self, key: str) -> bytes | None:
        """The value of a key; None without one."""
        found = self.typed("SELECT value FROM meta WHERE key = ?", (bytes,), key)
        return found[0][0] if found else None

    def put_meta(self, key: str, value: bytes) -> None:
        """Set the value of a key."""
        sql = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self.database.execute(sql, (key, value))

    def delete_meta(self, key: str) -> None:
        """Delete the value of a key."""
        self.database.execute("DELETE FROM meta WHERE key = ?", (key,))

    # Speakers: one row each

    def speaker(self, speaker_id: str) -> SpeakerRow | None:
        """The row of a speaker; None without one."""
        found: list[Any] = self.typed(f"{SPEAKERS} WHERE id = ?", SPEAKER_TYPES, speaker_id)
        return found[0] if found else None

    def some(self, speaker_ids: Sequence[str]) -> list[SpeakerRow]:
        """The rows of these speakers, those that are there, in any order; no more than a statement takes."""
        query = f"{SPEAKERS} WHERE id IN ({', '.join('?' * len(speaker_ids))})"
        found: list[Any] = self.typed(query, SPEAKER_TYPES, *speaker_ids)
        return found

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

    def delete_speaker(self, speaker_id: str) -> int:
        """Delete the row of a speaker; the number of rows deleted."""
        return self.database.execute("DELETE FROM speakers WHERE id = ?", (speaker_id,)).rowcount

    def delete_speakers(self) -> None:
        """Delete the rows of all speakers."""
        self.database.execute("DELETE FROM speakers")

    # Tombstones: keyed hashes of erased ids, with the day

    def tombstones(self) -> set[str]:
        """All tombstones."""
        return {tombstone for (tombstone,) in self.typed("SELECT mark FROM tombstones", (str,))}

    def add_tombstone(self, tombstone: str) -> bool:
        """Add a tombstone of this day; False where it was there already."""
        query = "INSERT INTO tombstones VALUES (?, ?) ON CONFLICT DO NOTHING"
        day = datetime.now(UTC).date().isoformat()
        return bool(self.database.execute(query, (tombstone, day)).rowcount)

    def delete_tombstone(self, tombstone: str) -> bool:
        """Delete a tombstone; False where there is none."""
        return bool(self.database.execute("DELETE FROM tombstones WHERE mark = ?", (tombstone,)).rowcount)

    # Audit: the chained lines of the log

    def audit_rows(self, count: int = _ALL) -> list[AuditRow]:
        """The oldest ``count`` rows of the audit log, or all of them."""
        found: list[Any] = self.typed(
            "SELECT number, token, chain FROM audit ORDER BY number LIMIT ?", (int, bytes, str), count
        )
        return found

    def last_audit_row(self) -> AuditRow | None:
        """The newest row of the audit log; None without one."""
        query = "SELECT number, token, chain FROM audit ORDER BY number DESC LIMIT 1"
        found: list[Any] = self.typed(query, (int, bytes, str))
        return found[0] if found else None

    def add_audit_row(self, row: AuditRow) -> None:
        """Append a row to the audit log."""
        self.database.execute("INSERT INTO audit VALUES (?, ?, ?)", row)

    def delete_audit_rows(self, last: int) -> None:
        """Delete the rows of the audit log up to the number ``last``."""
        self.database.execute("DELETE FROM audit WHERE number <= ?", (last,))
