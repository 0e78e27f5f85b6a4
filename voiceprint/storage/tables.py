"""What is read within one transaction of a store. Knows SQL; what is inside a seal is for ``seals``."""

import sqlite3
from collections.abc import Iterator

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import StoreError
from voiceprint.storage.audit_lines import AuditLine, follow, open_line, read_base
from voiceprint.storage.sealing.seals import KeyRing, Row, Seals
from voiceprint.storage.sealing.settings import StoreState
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.sqlite.database import typed_rows

__all__ = ["KEY", "KEYS", "RECORD", "RECORDS", "Tables", "gone"]

KEYS = "SELECT speaker_id, generation, token FROM keys"
RECORDS = "SELECT speaker_id, id, type, version, token FROM records"
KEY = (str, int, bytes)
RECORD = (str, str, str, int, bytes)


class Tables:
    """The tables as one transaction sees them. ``state``: as it was read; who writes moves it on."""

    def __init__(self, database: sqlite3.Connection, seals: Seals) -> None:
        self.database = database
        self.seals = seals
        self.state = self._read_state()

    def read(self, speaker_id: str) -> tuple[StoredSpeaker, KeyRing]:
        """One speaker. Raises StoreError: ``speaker_gone``, ``record_damaged``."""
        query = "SELECT generation, token FROM keys WHERE speaker_id = ?"
        found = typed_rows(self.database, query, (int, bytes), speaker_id)
        if not found:
            raise gone()
        query = "SELECT id, type, version, token FROM records WHERE speaker_id = ? ORDER BY rowid"
        rows = typed_rows(self.database, query, RECORD[1:], speaker_id)
        try:
            ring = self.seals.open_ring(speaker_id, *found[0])
            return self.seals.open_speaker(speaker_id, ring, [Row(*row) for row in rows]), ring
        except SealBrokenError as error:
            raise StoreError("record_damaged", f"The record {speaker_id} is damaged; it was not changed.") from error

    def keys(self) -> list[tuple[str, int, bytes]]:
        """Speaker id, generation and sealed key ring of everybody, in the order of their enrollment."""
        return typed_rows(self.database, f"{KEYS} ORDER BY rowid", KEY)

    def generations(self) -> dict[str, int]:
        """How often each speaker was changed, as the rows say."""
        sql = "SELECT speaker_id, generation FROM keys"
        try:
            return dict(typed_rows(self.database, f"{sql} INDEXED BY generations", KEY[:2]))
        except sqlite3.DatabaseError:  # a lost page of the index; the table may be whole
            return dict(typed_rows(self.database, f"{sql} NOT INDEXED", KEY[:2]))

    def marks(self) -> set[str]:
        """The marks of everybody who was forgotten."""
        return {mark for (mark,) in typed_rows(self.database, "SELECT mark FROM tombstones", (str,))}

    def speakers_with_records(self) -> set[str]:
        """The ids of everybody of whom a record is there, with or without a key."""
        return {who for (who,) in typed_rows(self.database, "SELECT DISTINCT speaker_id FROM records", (str,))}

    def has_records(self, speaker_id: str) -> bool:
        """Whether any record of that speaker is there, with or without a key."""
        query = "SELECT count(*) FROM records WHERE speaker_id = ?"
        return bool(self.database.execute(query, (speaker_id,)).fetchone()[0])

    def expected_generations(self) -> dict[str, int]:
        """The last generation of each pseudonym, from the audit log; lines that do not open are passed over."""
        expected = dict(read_base(self.database, self.seals).generations)
        for line in self.audit_lines():
            if line is not None:
                expected = follow(expected, line)
        return expected

    def audit_lines(self) -> Iterator[AuditLine | None]:
        """The log from its beginning; None for a line that does not open."""
        for number, token in typed_rows(self.database, "SELECT number, token FROM audit ORDER BY number", (int, bytes)):
            try:
                yield open_line(self.seals, number, token)
            except SealBrokenError:
                yield None

    # Inside

    def _read_state(self) -> StoreState:
        found = typed_rows(self.database, "SELECT value FROM meta WHERE key = 'state'", (bytes,))
        try:
            return self.seals.open_state(found[0][0] if found else b"")
        except SealBrokenError as error:
            raise StoreError(
                "store_damaged", "The state of the store is damaged; restore a bundle into another folder."
            ) from error


def gone() -> StoreError:
    return StoreError("speaker_gone", "The speaker is not in the store any more.")
