"""The engine of a store: where its rows lie, by a data folder (SQLite) or an address (PostgreSQL)."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from voiceprint.storage.sqlite.engine import SqliteEngine
from voiceprint.storage.tables import Tables

__all__ = ["Engine", "Place", "create", "exists", "open_engine"]

# A data folder, or the address of a PostgreSQL database.
Place = Path | str


class Engine(Protocol):
    """Transactions over the tables of one store. Every method raises StoreError.

    ``name``: of the store in messages, without a password; ``folder``: that of its files, if they are ours.
    """

    name: str
    folder: Path | None

    def reading(self) -> AbstractContextManager[Tables]:
        """A read transaction: one consistent view."""

    def writing(self) -> AbstractContextManager[Tables]:
        """A write transaction, one at a time over all processes: durable at its end, nothing after an error."""

    def upgrade(self, move: Callable[[sqlite3.Connection], None]) -> None:
        """Let ``move`` bring a SQLite file to the present layout, which takes the keys."""

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
    if isinstance(place, Path):
        return SqliteEngine(place)
    from voiceprint.storage.postgres.engine import PostgresEngine

    return PostgresEngine(place)


def exists(place: Place) -> bool:
    """Whether there is a store. Raises StoreError."""
    if isinstance(place, Path):
        return SqliteEngine.exists(place)
    from voiceprint.storage.postgres.engine import PostgresEngine

    return PostgresEngine.exists(place)


def create(place: Place, fill: Callable[[Tables], None]) -> None:
    """Make a store with the rows that ``fill`` writes; one that is there stays. Raises StoreError."""
    if isinstance(place, Path):
        SqliteEngine.create(place, fill)
        return
    from voiceprint.storage.postgres.engine import PostgresEngine

    PostgresEngine.create(place, fill)
