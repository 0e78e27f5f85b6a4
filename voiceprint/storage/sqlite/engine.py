"""The engine over one SQLite file in a data folder.

WAL and synchronous=FULL, so that an acknowledged change survives a kill; secure_delete, so that deleted rows are
overwritten. Only ids, versions and sealed tokens are in the columns.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from voiceprint.errors import StoreError
from voiceprint.files import draft_beside, sync_folder
from voiceprint.storage.sqlite.database import DATABASE_NAME, clear_log, explained, transaction
from voiceprint.storage.sqlite.migrations import APPLICATION_ID, LAYOUT, layout_of, migrate
from voiceprint.storage.sqlite.room import give_room, keep_room
from voiceprint.storage.sqlite.schema import require_own_schema
from voiceprint.storage.sqlite.tables import SqliteTables
from voiceprint.storage.tables import Tables

__all__ = ["SqliteEngine"]

BUSY_SECONDS = 10.0


class SqliteEngine:
    """One connection to the file; its caller sees that one thread at a time uses it."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        """Open the database of a folder (0700, the file 0600)."""
        self.path = folder / DATABASE_NAME
        self.folder: Path | None = folder
        self.name = str(self.path)
        if not self.exists(folder):
            raise StoreError("store_missing", f"There is no store at {self.path}.")
        with explained(self.path), _os_errors(self.path):
            _make_folder(folder)
            if not self.path.stat().st_size:
                raise StoreError(
                    "store_damaged", f"The store {self.path} is empty; bring back a copy, or delete the file."
                )
            self._database = _connect(self.path)
            try:
                _prepare(self._database, self.path)
                _close_to_others(self.path, 0o600)  # now that it is known to be a store
                keep_room(self.path)
            except BaseException:
                self._database.close()
                raise
        self._servers = LocalServers()

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether the folder holds a database. Raises StoreError where it cannot be read."""
        with _os_errors(folder / DATABASE_NAME):
            return (folder / DATABASE_NAME).exists()

    @staticmethod
    def create(folder: Path, fill: Callable[[Tables], None]) -> None:
        """Create a folder's database with the rows that ``fill`` writes; an existing one stays.

        It appears under its name only when it is complete: an empty file of that name is damage, never a beginning.
        """
        path = folder / DATABASE_NAME
        with explained(path), _os_errors(path):
            _make_folder(folder)
            with draft_beside(path) as draft:
                _fill(draft, fill)
                _put_in_place(draft, path)
            sync_folder(folder)

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        with explained(self.path):
            self._database.execute("BEGIN")
            try:
                yield SqliteTables(self._database)
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")  # it only read; and after a lost page COMMIT would fail again

    @contextmanager
    def writing(self) -> Iterator[Tables]:
        with explained(self.path), transaction(self._database):
            yield SqliteTables(self._database)

    def upgrade(self, move: Callable[[sqlite3.Connection], None]) -> None:
        with explained(self.path):
            move(self._database)

    @contextmanager
    def servers(self) -> Iterator["LocalServers"]:
        yield self._servers

    def version(self) -> object:
        with explained(self.path):
            return self._database.execute("PRAGMA data_version").fetchone()

    def clear_log(self) -> bool:
        """False while another process still reads, or where the disk fails; then the next start clears it."""
        try:
            return clear_log(self._database)
        except sqlite3.Error:
            return False
        finally:
            keep_room(self.path)  # afterwards: the log takes of the room that an erasure was given

    def give_room(self) -> bool:
        return give_room(self.path)

    def close(self) -> None:
        self._database.close()


class LocalServers(dict[str, bytes]):
    """``ServerRows`` of this process: a file has one server, and other processes that come and go."""

    def put(self, server_id: str, token: bytes) -> None:
        self[server_id] = token

    def remove(self, server_id: str) -> None:
        self.pop(server_id, None)

    def live(self) -> list[tuple[str, bytes]]:
        return list(self.items())


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.resolve()))}?mode=rw"
    database = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    # Damaged text matches nothing, and must not stop the reading of the rest.
    database.text_factory = lambda data: data.decode(errors="replace")
    return database


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


def _fill(draft: Path, fill: Callable[[Tables], None]) -> None:
    database = sqlite3.connect(draft, isolation_level=None)
    try:
        with transaction(database):
            migrate(database)
            fill(SqliteTables(database))
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
