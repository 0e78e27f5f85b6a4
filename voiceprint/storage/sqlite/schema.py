"""Comparison of a database's schema with the program's own.

A schema (tables, indices, triggers, views) is code that runs at every statement: a planted trigger could
bring back each deleted row.
"""

import sqlite3
from functools import cache

from voiceprint.errors import StoreError
from voiceprint.storage.sqlite.migrations import MIGRATIONS

__all__ = ["require_own_schema", "schema_faults"]

_ENTRIES = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
_Entries = frozenset[tuple[str, ...]]


def schema_faults(database: sqlite3.Connection) -> list[str]:
    """One sentence for each entry of the schema that is foreign, changed or missing."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    own, found = _own_entries(version), _entries(database)
    strange = [f"The database has the {_name(entry)}, which voiceprint did not make." for entry in sorted(found - own)]
    return strange + [f"The database lacks the {_name(entry)} as voiceprint made it." for entry in sorted(own - found)]


def require_own_schema(database: sqlite3.Connection) -> None:
    """Refuse a schema with faults. Raises StoreError (``schema_changed``) with all of them."""
    if faults := schema_faults(database):
        raise StoreError("schema_changed", " ".join(faults))


@cache
def _own_entries(version: int) -> _Entries:
    """The schema after the first ``version`` steps."""
    database = sqlite3.connect(":memory:")
    try:
        for step in MIGRATIONS[:version]:
            step(database)
        return _entries(database)
    finally:
        database.close()


def _entries(database: sqlite3.Connection) -> _Entries:
    return frozenset(tuple(map(str, entry)) for entry in database.execute(_ENTRIES))


def _name(entry: tuple[str, ...]) -> str:
    return f"{entry[0]} {entry[1]!r:.80}"
