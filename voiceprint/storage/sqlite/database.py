"""What SQLite does with the one file: transactions, its log, its faults as StoreError."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from voiceprint.errors import StoreError

__all__ = ["DATABASE_NAME", "clear_log", "explained", "integrity_faults", "is_corrupt", "shrink", "transaction"]

DATABASE_NAME = "voiceprint.db"


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: at its end all changes are on disk, after an error none."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def clear_log(database: sqlite3.Connection) -> bool:
    """Truncate the write-ahead log into the database; False while another process reads."""
    (busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def shrink(database: sqlite3.Connection) -> None:
    """Give the room of deleted tables back to the disk, where it has the room for that."""
    with suppress(sqlite3.Error):
        database.execute("VACUUM")
    clear_log(database)


def integrity_faults(database: sqlite3.Connection) -> list[str]:
    """Faults of the file itself, as SQLite words them; at most twenty of its pages."""
    found: list[str] = []
    try:
        found += [fault for (fault,) in database.execute("PRAGMA integrity_check(20)") if fault != "ok"]
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
        found.append(str(error))
    return found


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether SQLite reports a damaged page."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise a StoreError of one sentence for an error of SQLite."""
    try:
        yield
    except UnicodeDecodeError as error:  # Python, over SQLite's own words about a damaged schema
        raise StoreError("store_damaged", f"The store {path} is damaged; nothing was changed.") from error
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
