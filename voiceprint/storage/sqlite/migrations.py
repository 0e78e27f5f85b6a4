"""The layout of the tables in numbered steps; opening a store takes the missing ones.

Only random ids, counters, days and sealed tokens are in the columns: no name, no vector, no time of day.
"""

import sqlite3
from collections.abc import Callable

__all__ = ["APPLICATION_ID", "LAYOUT", "MIGRATIONS", "MOVED_LAYOUT", "layout_of", "migrate"]

APPLICATION_ID = 0x56505254  # "VPRT"


def _layout_1(database: sqlite3.Connection) -> None:
    """Keys, records, tombstones, audit log; meta holds the store's id, settings and state."""
    database.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT")
    database.execute(
        "CREATE TABLE keys (speaker_id TEXT PRIMARY KEY, generation INTEGER NOT NULL, token BLOB NOT NULL) STRICT"
    )
    database.execute(
        "CREATE TABLE records ("
        " id TEXT PRIMARY KEY,"
        " speaker_id TEXT NOT NULL REFERENCES keys (speaker_id) ON DELETE CASCADE,"
        " type TEXT NOT NULL,"
        " version INTEGER NOT NULL,"
        " token BLOB NOT NULL) STRICT"
    )
    database.execute("CREATE INDEX generations ON keys (speaker_id, generation)")
    database.execute("CREATE INDEX records_by_speaker ON records (speaker_id)")
    database.execute("CREATE TABLE tombstones (mark TEXT PRIMARY KEY, day TEXT NOT NULL) STRICT")
    database.execute("CREATE TABLE audit (number INTEGER PRIMARY KEY, token BLOB NOT NULL, chain TEXT NOT NULL) STRICT")


def _layout_2(database: sqlite3.Connection) -> None:
    """Parts of the snapshot: many speakers in one seal, beside their rows."""
    database.execute("CREATE TABLE parts (part TEXT PRIMARY KEY, key BLOB NOT NULL, block BLOB NOT NULL) STRICT")


def _layout_3(database: sqlite3.Connection) -> None:
    """One row a speaker. The rows of the former tables are moved by who can open them."""
    database.execute("DROP INDEX generations")
    database.execute(
        "CREATE TABLE speakers ("
        " id TEXT PRIMARY KEY, generation INTEGER NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL) STRICT"
    )
    # Covers the columns that enter the manifest, so that an erasure need not read all bodies.
    database.execute("CREATE INDEX generations ON speakers (id, generation)")


def _layout_4(database: sqlite3.Connection) -> None:
    """The former tables are gone; ``secure_delete`` overwrites their pages."""
    for table in ("parts", "records", "keys"):
        database.execute(f"DROP TABLE {table}")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_layout_1, _layout_2, _layout_3, _layout_4)
LAYOUT = len(MIGRATIONS)
# From here on the speakers lie in their new table, and are moved before the next step.
MOVED_LAYOUT = 3


def layout_of(database: sqlite3.Connection) -> int:
    """The number of the last step taken."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def migrate(database: sqlite3.Connection, layout: int = LAYOUT) -> None:
    """Take the missing steps up to ``layout``, within a transaction of the caller."""
    for number in range(layout_of(database), layout):
        MIGRATIONS[number](database)
        database.execute(f"PRAGMA user_version={number + 1}")
        database.execute(f"PRAGMA application_id={APPLICATION_ID}")
