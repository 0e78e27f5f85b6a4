"""Rows of the snapshot's parts and the speakers of each, within one transaction."""

import sqlite3
from collections.abc import Iterable

from voiceprint.storage.sqlite.database import is_corrupt, typed_rows

__all__ = ["PartTable"]

# In the order of the index; in any other the lists only differ from those that were sealed.
_LISTS = (
    "SELECT coalesce(group_concat(speaker_id, ' '), ''), coalesce(group_concat(generation, ' '), '')"
    " FROM keys INDEXED BY generations WHERE speaker_id >= ? AND speaker_id < ?"
)


class PartTable:
    """The table of parts.

    A part is named by the two hex digits that the ids of its speakers begin with.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def get(self, name: str) -> tuple[bytes, bytes] | None:
        """Sealed key and block of a part; None without a readable one."""
        try:
            query = "SELECT rowid, key FROM parts WHERE part = ? AND typeof(block) = 'blob'"
            for number, token in typed_rows(self._database, query, (int, bytes), name):
                with self._database.blobopen("parts", "block", number, readonly=True) as block:
                    return token, block.read()
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
        return None

    def put(self, name: str, key: bytes, block: bytes) -> None:
        """Add or replace a part."""
        self._database.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", (name, key, block))

    def delete(self, name: str) -> None:
        """Delete a part."""
        self._database.execute("DELETE FROM parts WHERE part = ?", (name,))

    def delete_all(self) -> None:
        """Delete all parts."""
        self._database.execute("DELETE FROM parts")

    def names(self) -> list[str]:
        """The names of the parts in the table."""
        return [name for (name,) in self._database.execute("SELECT part FROM parts")]

    def __contains__(self, name: object) -> bool:
        return bool(self._database.execute("SELECT count(*) FROM parts WHERE part = ?", (name,)).fetchone()[0])

    def members(self, name: str) -> dict[str, int]:
        """Generation by id of the speakers that belong into a part, as the table of keys has them."""
        query = "SELECT speaker_id, generation FROM keys WHERE speaker_id >= ? AND speaker_id < ?"
        return dict(typed_rows(self._database, query, (str, int), name, f"{name}g"))

    def member_lists(self, names: Iterable[str]) -> tuple[dict[str, tuple[str, str]], int] | None:
        """As ``members`` for many parts, and the number of all keys; None where a page is lost.

        Ids and generations are joined by blanks, in the order of the ids.
        """
        try:
            found = {name: typed_rows(self._database, _LISTS, (str, str), name, f"{name}g") for name in names}
            (count,) = self._database.execute("SELECT count(*) FROM keys").fetchone()
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            return None
        return {name: (rows[0][0], rows[0][1]) for name, rows in found.items()}, count
