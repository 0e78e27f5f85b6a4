"""A real PostgreSQL server of our own on a Unix socket, for as long as the tests run."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

__all__ = ["PostgresServer", "place_in", "postgres_server", "programs", "started"]

_OPTIONS = ("fsync=off", "max_connections=60", "shared_buffers=32MB", "listen_addresses=")
_WAIT_SECONDS = 60


def programs() -> Path | None:
    """The folder of the server's programs; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).resolve().parent if found else newest[-1].parent if newest else None


class PostgresServer:
    """A server over a folder. It refuses to run as root, so root runs it as its own user."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self.folder = folder
        self._bin = bin_folder
        self._user = "postgres" if os.geteuid() == 0 else None
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        self._run("initdb", "-D", str(folder / "data"), "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [word for option in _OPTIONS for word in ("-c", option)]
        command = [str(self._bin / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=self._user, cwd=self.folder)
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                psycopg.connect(self.address("postgres")).close()
            except psycopg.Error:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self, *, immediately: bool = False) -> None:
        """Stop it: connections are cut; immediately: as after a crash."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if immediately else signal.SIGINT)
            self._process.wait(_WAIT_SECONDS)
            self._process = None

    def address(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://tests@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The address of a new, empty database."""
        name = f"test{next(self._numbers)}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return self.address(name)

    def execute(self, database: str, sql: str) -> None:
        """Run one statement."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            connection.execute(sql.encode())

    def dump(self, address: str) -> bytes:
        """The database as pg_dump writes it."""
        return subprocess.run([self._bin / "pg_dump", address], check=True, capture_output=True).stdout

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, *arguments], check=True, capture_output=True, user=self._user, cwd=self.folder
        )


@contextmanager
def started() -> Iterator[PostgresServer | None]:
    """A running server in a new folder; None where PostgreSQL is not installed."""
    found = programs()
    if found is None:
        yield None
        return
    # Not in pytest's folder, which the server's user may not enter; the path of a socket must be short, too.
    folder = Path(tempfile.mkdtemp(prefix="vp-pg-", dir="/tmp"))
    server = None
    try:
        server = PostgresServer(folder, found)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def place_in(folder: Path, *, postgres: bool) -> Iterator[Path | str]:
    """A place for a store: a folder in this one, or a database of a server of its own."""
    if not postgres:
        yield folder / "index"
        return
    with started() as server:
        if server is None:
            raise SystemExit("PostgreSQL is not installed.")
        yield server.new_database()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of this run of tests; without PostgreSQL the test is skipped."""
    with started() as server:
        if server is None:
            pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> str | None:
    """The address of a database, for either engine in turn; None for the file of a data folder."""
    if request.param == "sqlite":
        return None
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()
