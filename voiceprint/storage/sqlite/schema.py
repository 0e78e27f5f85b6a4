"""Comparison of a database's schema with the program's own.

A schema (tables, indices, triggers, views) is code that runs at every statement: a planted trigger could
bring back each deleted row.
"""

import sqlite3
from functools import cache

from voiceprint.errors import StoreError
from voiceprint.storage.sqlite.migrations import layout_of, migrate

__all__ = ["require_own_schema", "schema_faults"]

_ENTRIES = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
_Entries = frozenset[tuple[str, ...]]


def schema_faults(database: sqlite3.Connection) -> list[str]:
    """One sentence for each entry of the schema that is foreign, changed or missing."""
    own, found = _own_entries(layout_of(database)), _entries(database)
    strange = [f"The database has the {_name(entry)}, which voiceprint did not make." for entry in sorted(found - own)]
    return strange + [f"The database lacks the {_name(entry)} as voiceprint made it." for entry in sorted(own - found)]


def require_own_schema(database: sqlite3.Connection) -> None:
    """Refuse a schema with faults. Raises StoreError (``schema_changed``) with all of them."""
    if faults := schema_faults(database):
        raise StoreError("schema_changed", " ".join(faults))


@cache
def _own_entries(layout: int) -> _Entries:
    """The schema of a layout."""
    database = sqlite3.connect(":memory:")
    try:
        migrate(database, layout)
        return _entries(database)
    finally:
        database.close()


def _entries(database: sqlite3.Connection) -> _Entries:
    return frozenset(tuple(map(str, entry)) for entry in database.execute(_ENTRIES))


def _name(entry: tuple[str, ...]) -> str:
    return f"{entry[0]} {entry[1]!r:.80}"
