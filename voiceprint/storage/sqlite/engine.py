"""The engine over one SQLite file in a data folder."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from voiceprint.errors import StoreError
from voiceprint.storage.sqlite.database import (
    DATABASE_NAME,
    clear_log,
    create_database,
    data_version,
    explained,
    has_database,
    open_database,
    snapshot,
    transaction,
)
from voiceprint.storage.sqlite.room import give_room, keep_room
from voiceprint.storage.sqlite.tables import SqliteTables
from voiceprint.storage.tables import Tables

__all__ = ["SqliteEngine"]


class SqliteEngine:
    """One connection to the file; its caller sees that one thread at a time uses it."""

    kind = "sqlite"
    exists = staticmethod(has_database)

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE_NAME
        self.folder: Path | None = folder
        self.name = str(self.path)
        if not has_database(folder):
            raise StoreError("store_missing", f"There is no store at {self.path}.")
        self._database = open_database(folder)
        self._servers = LocalServers()

    @staticmethod
    def create(folder: Path, fill: Callable[[Tables], None]) -> None:
        """``create_database`` of a store."""
        create_database(folder, lambda database: fill(SqliteTables(database)))

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        with explained(self.path), snapshot(self._database):
            yield SqliteTables(self._database)

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
            return data_version(self._database)

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
