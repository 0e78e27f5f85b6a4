"""The engine over a PostgreSQL database: sealed rows in one schema, changed by one server at a time.

Every write transaction first locks the row of the sealed state, so that changes of several servers come one after the
other and conflict nowhere. The state is also what tells a server that another one has written.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from voiceprint.errors import StoreError
from voiceprint.storage.postgres.migrations import LAYOUT, SCHEMA
from voiceprint.storage.postgres.servers import PostgresServers
from voiceprint.storage.postgres.tables import PostgresSession, PostgresTables, layout_of, migrate
from voiceprint.storage.tables import Tables

__all__ = ["PostgresEngine"]

_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED"
_LOCK = "SELECT value FROM meta WHERE key = 'state' FOR UPDATE"
_WAIT_SECONDS = 10
_LOCAL_HOSTS = frozenset({"", "localhost", "127.0.0.1", "::1"})
_FAULTS = {
    "53100": ("store_full", "cannot grow, the disk of the database is full"),
    "25006": ("store_unwritable", "is a read-only replica or database; give the address of the primary"),
    "42501": ("store_unwritable", "may not be used by this user of the database"),
    "55P03": ("store_busy", "is held by another server"),
    "40001": ("store_busy", "was changed by another server at the same moment; try again"),
    "40P01": ("store_busy", "was changed by another server at the same moment; try again"),
}


class PostgresEngine:
    """A pool of connections to one database."""

    kind = "postgresql"
    folder: Path | None = None

    def __init__(self, address: str) -> None:
        self.name = _name(address)
        self._pool: ConnectionPool[psycopg.Connection[tuple[Any, ...]]] = ConnectionPool(
            _secured(address),
            min_size=1,
            max_size=4,
            timeout=_WAIT_SECONDS,
            reconnect_timeout=_WAIT_SECONDS,
            check=ConnectionPool.check_connection,
            kwargs={"autocommit": True},
            configure=_configure,
            open=True,
        )
        try:
            self._require_layout()
        except BaseException:
            self._pool.close()
            raise

    @staticmethod
    def exists(address: str) -> bool:
        """Whether the database holds a store. Raises StoreError."""
        with _explained(_name(address)), _connection(address) as connection:
            return layout_of(PostgresSession(connection)) is not None

    @staticmethod
    def create(address: str, fill: Callable[[Tables], None]) -> None:
        """Make the tables with the rows that ``fill`` writes; those of another server stay. Raises StoreError."""
        with _explained(_name(address)), _connection(address) as connection:
            session = PostgresSession(connection)
            with suppress(psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable), connection.transaction():
                if layout_of(session) is None:
                    migrate(session)
                    fill(PostgresTables(session))

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        with self._transaction(_READ) as session:
            yield PostgresTables(session)

    @contextmanager
    def writing(self) -> Iterator[Tables]:
        with self._transaction(_WRITE) as session:
            session.execute(_LOCK)
            yield PostgresTables(session)

    def upgrade(self, move: Callable[[sqlite3.Connection], None]) -> None:
        """There is no former layout that takes keys to move."""

    @contextmanager
    def servers(self) -> Iterator[PostgresServers]:
        with _explained(self.name), self._pool.connection() as connection:
            yield PostgresServers(PostgresSession(connection))

    def version(self) -> object:
        with _explained(self.name), self._pool.connection() as connection:
            return connection.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()

    def clear_log(self) -> bool:
        """False: the database's files and log hold deleted rows until it has overwritten or archived them."""
        return False

    def give_room(self) -> bool:
        return False

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[PostgresSession]:
        with _explained(self.name), self._pool.connection() as connection:
            connection.execute(begin.encode())
            session = PostgresSession(connection)
            try:
                yield session
                session.execute("COMMIT")
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                raise

    def _require_layout(self) -> None:
        with self.reading() as tables:
            assert isinstance(tables, PostgresTables)
            layout = layout_of(tables.database)
        if layout is None:
            raise StoreError("store_missing", f"There is no store in {self.name}.")
        if layout > LAYOUT:
            raise StoreError("store_newer", f"The store {self.name} was written by a newer voiceprint ({layout}).")
        if layout < LAYOUT:
            with self.writing() as tables:
                assert isinstance(tables, PostgresTables)
                migrate(tables.database)


def _configure(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    connection.execute(f"SET search_path TO {SCHEMA}".encode())
    connection.execute(f"SET lock_timeout = '{_WAIT_SECONDS}s'".encode())
    connection.execute("SET idle_in_transaction_session_timeout = '60s'")


@contextmanager
def _connection(address: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(_secured(address), autocommit=True, connect_timeout=_WAIT_SECONDS) as connection:
        _configure(connection)
        yield connection


def _secured(address: str) -> str:
    """The address, with the server's certificate checked unless it is on this machine or says otherwise."""
    given = conninfo_to_dict(address)
    hosts = str(given.get("host") or "").split(",")
    if "sslmode" in given or all(host in _LOCAL_HOSTS or host.startswith("/") for host in hosts):
        return address
    return make_conninfo(address, sslmode="verify-full", sslrootcert=given.get("sslrootcert") or "system")


def _name(address: str) -> str:
    """The address without user and password. Raises StoreError (``store_missing``) where it is none."""
    try:
        given = conninfo_to_dict(address)
    except psycopg.Error as error:
        raise StoreError("store_missing", "The address of the store is not one that PostgreSQL takes.") from error
    return f"postgresql://{given.get('host') or 'localhost'}/{given.get('dbname') or ''}"


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Raise a StoreError of one sentence for an error of the database."""
    try:
        yield
    except psycopg.Error as error:
        code, sentence = _FAULTS.get(error.sqlstate or "", ("store_failed", "cannot be reached or has failed"))
        first = " ".join(str(error).split("\n")[0].split())
        raise StoreError(code, f"The store {name} {sentence} ({first}).") from error
