"""Cut the connection to the database before every statement of every operation in turn, and see what is left.

    python tests/robustness dropped [OPERATION ...]        (all that ``fault`` has and need no file)

Over a PostgreSQL server of its own. Each time: the operation raises one sentence or carries on over another connection,
everything that was there before is there, the next change works, nothing is torn. Exit code 1 at the first difference.
"""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from support.postgres import PostgresServer, started

from robustness.fault import ENCODER, OPERATIONS, enrollment, people, told
from voiceprint.errors import VoiceprintError
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.postgres.tables import PostgresSession
from voiceprint.storage.sealing.key_file import create_key_file, load_key_file
from voiceprint.storage.store import Store

WITH_FILES = {"export", "import"}


def main() -> int:
    names = sys.argv[1:] or [name for name in OPERATIONS if name not in WITH_FILES]
    with tempfile.TemporaryDirectory() as folder, started() as server:
        if server is None:
            raise SystemExit("PostgreSQL is not installed.")
        print(json.dumps(run(names, Path(folder), server)))
    return 0


def run(names: Sequence[str], folder: Path, server: PostgresServer) -> dict[str, Any]:
    """The counts. Raises AssertionError at the first broken promise."""
    faults, codes = Counter[str](), Counter[str]()
    for name in names:
        at = 1
        while one_fault(name, at, folder / f"{name}-{at}", server, codes):
            faults[name] += 1
            at += 1
    return {"faults": sum(faults.values()), "by_operation": dict(faults), "codes": dict(codes), "lost": 0, "torn": 0}


def one_fault(name: str, at: int, folder: Path, server: PostgresServer, codes: Counter[str]) -> bool:
    """False where the operation makes fewer statements than that, so that nothing was cut."""
    place = server.new_database()
    store = Store.open(place, create_key_file(folder / "key", data=None), ENCODER)
    for number in range(3):
        store.add_speaker(f"speaker {number}", [enrollment(number)])
    before, first = people(store), store.load().speakers[0].id
    code = ""
    with cut_before(at, place) as cut:
        try:
            OPERATIONS[name](store, first)
        except VoiceprintError as error:
            code = told(error)
    if code:
        codes[code] += 1
        assert sorted(people(store)) == sorted(before), (name, at, people(store), before)
    store.add_speaker("after", [enrollment(9)])  # the next change works, on the same store
    expected, encoder = people(store), store.encoder
    store.close()
    again = Store.open(place, load_key_file(folder / "key", data=None), encoder)
    assert sorted(people(again)) == sorted(expected)
    faults = check(again).faults
    again.close()
    assert faults == (), (name, at, faults)
    return bool(cut)


@contextmanager
def cut_before(at: int, place: str) -> Iterator[list[int]]:
    """Every connection is cut before the statement of that number, which the list then holds."""
    real: Callable[..., Any] = PostgresSession.execute
    statements, cut = iter(range(1, 1_000_000)), list[int]()

    def execute(session: PostgresSession, *arguments: Any) -> Any:
        number = next(statements)
        if number == at:
            cut.append(number)
            with psycopg.connect(place, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        return real(session, *arguments)

    PostgresSession.execute = execute  # type: ignore[method-assign]
    try:
        yield cut
    finally:
        PostgresSession.execute = real  # type: ignore[method-assign]
