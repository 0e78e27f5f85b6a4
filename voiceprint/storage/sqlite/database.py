"""Connection to the one SQLite file: creation, opening, transactions, faults as StoreError.

WAL and synchronous=FULL, so that an acknowledged change survives a kill; secure_delete, so that deleted rows are
overwritten. Only ids, versions and sealed tokens are in the columns.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from voiceprint.errors import StoreError
from voiceprint.files import draft_beside, sync_folder
from voiceprint.storage.sqlite.migrations import APPLICATION_ID, LAYOUT, layout_of, migrate
from voiceprint.storage.sqlite.room import keep_room
from voiceprint.storage.sqlite.schema import require_own_schema

__all__ = [
    "DATABASE_NAME",
    "clear_log",
    "create_database",
    "data_version",
    "explained",
    "has_database",
    "integrity_faults",
    "is_corrupt",
    "open_database",
    "shrink",
    "snapshot",
    "transaction",
    "typed_rows",
]

DATABASE_NAME = "voiceprint.db"
BUSY_SECONDS = 10.0


def has_database(folder: Path) -> bool:
    """Whether the folder holds a database. Raises StoreError where it cannot be read."""
    path = folder / DATABASE_NAME
    with _os_errors(path):
        return path.exists()


def create_database(folder: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Create a folder's database with the rows that ``fill`` writes; an existing one stays.

    It appears under its name only when it is complete: an empty file of that name is damage, never a beginning.
    Raises StoreError.
    """
    path = folder / DATABASE_NAME
    with explained(path), _os_errors(path):
        _make_folder(folder)
        with draft_beside(path) as draft:
            _fill(draft, fill)
            _put_in_place(draft, path)
        sync_folder(folder)


def open_database(folder: Path) -> sqlite3.Connection:
    """A connection to the database of a data folder (0700, the file 0600). Raises StoreError."""
    path = folder / DATABASE_NAME
    with explained(path), _os_errors(path):
        _make_folder(folder)
        if not path.stat().st_size:
            raise StoreError("store_damaged", f"The store {path} is empty; bring back a copy, or delete the file.")
        uri = f"file:{quote(str(path.resolve()))}?mode=rw"
        database = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        database.text_factory = _lenient_text
        try:
            _prepare(database, path)
            _close_to_others(path, 0o600)  # now that it is known to be a store
            keep_room(path)
        except BaseException:
            database.close()
            raise
    return database


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


@contextmanager
def snapshot(database: sqlite3.Connection) -> Iterator[None]:
    """A read transaction: all reads see one state, whatever other processes write meanwhile."""
    database.execute("BEGIN")
    try:
        yield
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")  # it only read; and after a lost page COMMIT would fail once more


def clear_log(database: sqlite3.Connection) -> bool:
    """Truncate the write-ahead log into the database; False while another process reads."""
    (busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def shrink(database: sqlite3.Connection) -> None:
    """Give the room of deleted tables back to the disk, where it has the room for that."""
    with suppress(sqlite3.Error):
        database.execute("VACUUM")
    clear_log(database)


def data_version(database: sqlite3.Connection) -> int:
    """A number that changes when another connection has written."""
    return int(database.execute("PRAGMA data_version").fetchone()[0])


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


def typed_rows(
    database: sqlite3.Connection, sql: str, kinds: tuple[type, ...], *values: object
) -> list[tuple[Any, ...]]:
    """The rows whose columns have these types; a damaged page can hold other ones."""
    found = database.execute(sql, values)
    return [row for row in found if tuple(map(type, row)) == kinds]


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


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    database.execute("PRAGMA secure_delete=ON")
    database.execute("PRAGMA trusted_schema=OFF")
    database.execute("PRAGMA temp_store=MEMORY")
    layout = layout_of(database)
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreError("store_damaged", f"The store {path} is a database of another program.")
    if layout > LAYOUT:
        raise StoreError("store_newer", f"The store {path} was written by a newer voiceprint (layout {layout}).")
    require_own_schema(database)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    # A speaker erased just before a kill is still in the write-ahead log: clear it now, or at the next start.
    database.execute("PRAGMA busy_timeout=0")
    clear_log(database)
    database.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")


def _lenient_text(data: bytes) -> str:
    return data.decode(errors="replace")  # damaged text matches nothing, and must not stop the reading of the rest


def _fill(draft: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    database = sqlite3.connect(draft, isolation_level=None)
    try:
        with transaction(database):
            migrate(database)
            fill(database)
    finally:
        database.close()


def _put_in_place(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)  # unlike a rename it never replaces a store
    except FileExistsError:
        return
    except OSError:
        draft.rename(path)  # a file system without hard links


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError("store_unwritable", f"The store {path} cannot be opened: {error.strerror}.") from error


def _make_folder(folder: Path) -> None:
    """Make the folder, 0700; an existing one is 0700 only if it holds nothing else."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    foreign = [path for path in folder.iterdir() if path.name != "README.md" and DATABASE_NAME not in path.name]
    if not foreign:
        _close_to_others(folder, 0o700)


def _close_to_others(path: Path, mode: int) -> None:
    """Where it is ours and no link, which may lead to what is no store."""
    status = path.lstat()
    if status.st_uid == os.getuid() and not stat.S_ISLNK(status.st_mode):
        path.chmod(mode)
