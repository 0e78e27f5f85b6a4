"""The tables in a SQLite file, where a page can be lost and an index can lie."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from voiceprint.storage.sqlite.database import integrity_faults, is_corrupt
from voiceprint.storage.sqlite.schema import schema_faults
from voiceprint.storage.tables import SPEAKER_TYPES, SPEAKERS, SpeakerRow, Tables

__all__ = ["SqliteTables"]


class SqliteTables(Tables):
    """``Tables`` of a SQLite database."""

    database: sqlite3.Connection

    def schema_faults(self) -> list[str]:
        return schema_faults(self.database)

    def faults(self) -> list[str]:
        return self.schema_faults() + [f"The database file: {fault}." for fault in integrity_faults(self.database)]

    def speakers(self) -> Iterator[SpeakerRow]:
        """In the order of their enrollment, without those on a lost page."""
        seen = set[str]()
        try:
            row: Any
            for row in self.database.execute(SPEAKERS):
                if tuple(map(type, row)) == SPEAKER_TYPES:
                    seen.add(row[0])
                    yield row
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            for speaker_id in self.generations().keys() - seen:
                yield from self._unless_lost(speaker_id)

    def generations(self) -> dict[str, int]:
        sql = "SELECT id, generation FROM speakers"
        try:
            return dict(self.typed(f"{sql} INDEXED BY generations", SPEAKER_TYPES[:2]))
        except sqlite3.DatabaseError:  # a lost page of the index; the table may be whole
            return dict(self.typed(f"{sql} NOT INDEXED", SPEAKER_TYPES[:2]))

    def still_has(self, speaker_id: str) -> bool:
        """Read without indices, because an index can lie."""
        query = "SELECT count(*) FROM speakers NOT INDEXED WHERE id = ?"
        return bool(self.database.execute(query, (speaker_id,)).fetchone()[0])

    def _unless_lost(self, speaker_id: str) -> Iterator[SpeakerRow]:
        try:
            if (row := self.speaker(speaker_id)) is not None:
                yield row
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
