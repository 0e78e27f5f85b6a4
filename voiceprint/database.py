"""One SQLite file: how it is opened, which tables it has, how its faults become sentences.

WAL and synchronous=FULL, so that what was acknowledged survives a kill; secure_delete, so that what was deleted is
overwritten. Only ids, versions and sealed tokens are in its columns.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from voiceprint.errors import StoreError

__all__ = ["DATABASE_NAME", "explained", "open_database", "snapshot", "transaction"]

DATABASE_NAME = "voiceprint.db"
APPLICATION_ID = 0x56505254  # "VPRT"
BUSY_SECONDS = 10.0


def _tables_1(database: sqlite3.Connection) -> None:
    """Consent and last_seen live sealed in the profile record; audit waits for its own issue."""
    database.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT")
    database.execute("CREATE TABLE keys (speaker_id TEXT PRIMARY KEY, token BLOB NOT NULL) STRICT")
    database.execute(
        "CREATE TABLE records ("
        " id TEXT PRIMARY KEY,"
        " speaker_id TEXT NOT NULL REFERENCES keys (speaker_id) ON DELETE CASCADE,"
        " type TEXT NOT NULL,"
        " version INTEGER NOT NULL,"
        " token BLOB NOT NULL) STRICT"
    )
    database.execute("CREATE INDEX records_by_speaker ON records (speaker_id)")
    database.execute("CREATE TABLE state (epoch INTEGER NOT NULL) STRICT")
    database.execute("INSERT INTO state VALUES (0)")
    database.execute("CREATE TABLE tombstones (mark TEXT PRIMARY KEY, day TEXT NOT NULL) STRICT")
    database.execute("CREATE TABLE audit (number INTEGER PRIMARY KEY, token BLOB NOT NULL, chain TEXT NOT NULL) STRICT")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_tables_1,)


def open_database(folder: Path) -> sqlite3.Connection:
    """Open or create the database of a data folder, 0600 in a 0700 folder. Raises StoreError."""
    path = folder / DATABASE_NAME
    with explained(path):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            # Made by us before SQLite sees it, so that there is no moment with wider rights; -wal and -shm follow it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            path.chmod(0o600)
        except OSError as error:
            raise StoreError("store_unwritable", f"The store {path} cannot be opened: {error.strerror}.") from error
        database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _prepare(database, path)
        except BaseException:
            database.close()
            raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of it is on disk at the end, or none of it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(database: sqlite3.Connection) -> Iterator[None]:
    """Several reads that see the same state, whatever other processes write meanwhile."""
    database.execute("BEGIN")
    try:
        yield
    finally:
        if database.in_transaction:
            database.execute("COMMIT")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says into a StoreError of one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        name, sentence = _FAULTS.get(code, ("store_failed", "failed"))
        raise StoreError(name, f"The store {path} {sentence} ({error}); nothing was changed.") from error


_FAULTS = {
    sqlite3.SQLITE_NOTADB: ("store_damaged", "is not a voiceprint database"),
    sqlite3.SQLITE_CORRUPT: ("store_damaged", "is damaged"),
    sqlite3.SQLITE_FULL: ("store_full", "cannot grow, the disk is full"),
    sqlite3.SQLITE_READONLY: ("store_unwritable", "cannot be written to"),
    sqlite3.SQLITE_CANTOPEN: ("store_unwritable", "cannot be opened"),
    sqlite3.SQLITE_IOERR: ("store_failed", "cannot be read or written"),
    sqlite3.SQLITE_BUSY: ("store_busy", "is held by another process"),
    sqlite3.SQLITE_LOCKED: ("store_busy", "is held by another process"),
}


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    database.execute("PRAGMA foreign_keys=ON")
    database.execute("PRAGMA secure_delete=ON")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreError("store_damaged", f"The store {path} is a database of another program.")
    if version > len(MIGRATIONS):
        raise StoreError("store_newer", f"The store {path} was written by a newer voiceprint (layout {version}).")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    _migrate(database)


def _migrate(database: sqlite3.Connection) -> None:
    with transaction(database):
        (version,) = database.execute("PRAGMA user_version").fetchone()
        for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
            migration(database)
            database.execute(f"PRAGMA user_version={number}")
            database.execute(f"PRAGMA application_id={APPLICATION_ID}")
