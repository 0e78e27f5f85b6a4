"""The engine of a store: where its rows lie, by a data folder (SQLite) or an address (PostgreSQL)."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from voiceprint.errors import StoreError
from voiceprint.storage.sqlite.engine import SqliteEngine
from voiceprint.storage.tables import Tables

if TYPE_CHECKING:
    from voiceprint.storage.postgres.engine import PostgresEngine

__all__ = ["Engine", "Place", "ServerRows", "create", "exists", "open_engine"]

# A data folder, or the address of a PostgreSQL database.
Place = Path | str


class ServerRows(Protocol):
    """The servers over one store: random ids and sealed tokens."""

    def put(self, server_id: str, token: bytes) -> None:
        """Keep the token of a server, heard from now."""

    def remove(self, server_id: str) -> None:
        """Delete a server's token."""

    def live(self) -> list[tuple[str, bytes]]:
        """Id and token of each server heard from lately."""


class Engine(Protocol):
    """Transactions over the tables of one store. Every method raises StoreError.

    ``kind``: of the engine; ``name``: of the store in messages, without a password; ``folder``: that of its files, if
    they are ours.
    """

    kind: str
    name: str
    folder: Path | None

    def reading(self) -> AbstractContextManager[Tables]:
        """A read transaction: one consistent view."""

    def writing(self) -> AbstractContextManager[Tables]:
        """A write transaction, one at a time over all processes: durable at its end, nothing after an error."""

    def upgrade(self, move: Callable[[sqlite3.Connection], None]) -> None:
        """Let ``move`` bring a SQLite file to the present layout, which takes the keys."""

    def servers(self) -> AbstractContextManager[ServerRows]:
        """The servers over the store; what is changed is no change of the store."""

    def version(self) -> object:
        """A value that changes when another process has written."""

    def clear_log(self) -> bool:
        """Whether no deleted byte is left in the files."""

    def give_room(self) -> bool:
        """Whether room was given back to a full disk, so that an erasure can be tried again."""

    def close(self) -> None:
        """Close it."""


def open_engine(place: Place) -> Engine:
    """The engine of a store that exists. Raises StoreError (``store_missing``)."""
    return SqliteEngine(place) if isinstance(place, Path) else _postgres()(place)


def exists(place: Place) -> bool:
    """Whether there is a store. Raises StoreError."""
    return SqliteEngine.exists(place) if isinstance(place, Path) else _postgres().exists(place)


def create(place: Place, fill: Callable[[Tables], None]) -> None:
    """Make a store with the rows that ``fill`` writes; one that is there stays. Raises StoreError."""
    if isinstance(place, Path):
        SqliteEngine.create(place, fill)
    else:
        _postgres().create(place, fill)


def _postgres() -> "type[PostgresEngine]":
    """The engine of an optional package. Raises StoreError (``store_missing``) without it."""
    try:
        from voiceprint.storage.postgres.engine import PostgresEngine
    except ImportError as error:
        raise StoreError("store_missing", "A PostgreSQL store needs 'pip install voiceprint[postgres]'.") from error
    return PostgresEngine
