"""Rows of the tables up to layout 2: a key ring and several records a speaker. Only read, and once."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import Any

__all__ = ["FormerSpeaker", "former_speakers"]

# Speaker id, generation, sealed key ring, records (id, type, version, token).
FormerSpeaker = tuple[str, int, bytes, list[tuple[Any, ...]]]

# In the order of enrollment, and then of writing.
_SPEAKERS = (
    "SELECT keys.speaker_id, generation, keys.token, id, type, version, records.token"
    " FROM keys LEFT JOIN records ON records.speaker_id = keys.speaker_id ORDER BY keys.rowid, records.rowid"
)


def former_speakers(database: sqlite3.Connection) -> Iterator[FormerSpeaker]:
    """All speakers that have a key, with the records that are there."""
    for (speaker_id, generation, token), rows in groupby(database.execute(_SPEAKERS), key=lambda row: row[:3]):
        yield speaker_id, generation, token, [row[3:] for row in rows if row[3] is not None]
