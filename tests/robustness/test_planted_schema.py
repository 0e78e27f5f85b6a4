"""Code planted in the schema of the database file: no receipt is signed over a row that lives on."""

import random
import sqlite3
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from support.store_fixtures import ENCODER, enrollment

from robustness.sizes import size
from voiceprint.errors import StoreError
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store

TABLES = {
    "speakers": ("id", "generation", "key", "body"),
    "meta": ("key", "value"),
    "tombstones": ("mark", "day"),
    "audit": ("number", "token", "chain"),
}
COLUMNS = [(table, column) for table, columns in TABLES.items() for column in columns]


def back(table: str, row: str = "old") -> str:
    return f"INSERT OR IGNORE INTO {table} VALUES ({', '.join(f'{row}.{column}' for column in TABLES[table])})"


def plantings() -> list[tuple[str, str]]:
    """The name of what is planted (or changed), and the statement that does it."""
    made = []
    for table, (time, event) in product(TABLES, product(("BEFORE", "AFTER"), ("DELETE", "INSERT", "UPDATE"))):
        name = f"trg_{table}_{time}_{event}".lower()
        does = back(table) if event == "DELETE" else "SELECT 1"
        made.append((name, f"CREATE TRIGGER {name} {time} {event} ON {table} BEGIN {does}; END"))
    for table, column in COLUMNS:
        made.append((f"v_{table}_{column}", f"CREATE VIEW v_{table}_{column} AS SELECT {column} FROM {table}"))
        made.append((f"ix_{table}_{column}", f"CREATE INDEX ix_{table}_{column} ON {table} ({column})"))
        made.append((f"px_{table}_{column}", f"CREATE INDEX px_{table}_{column} ON {table} (hex({column})) WHERE 1"))
        made.append((f"ux_{table}_{column}", f"CREATE UNIQUE INDEX ux_{table}_{column} ON {table} ({column})"))
        made.append((f"dx_{table}_{column}", f"CREATE INDEX dx_{table}_{column} ON {table} ({column} DESC)"))
        made.append((f"c_{table}_{column}", f"CREATE VIEW c_{table}_{column} AS SELECT max({column}) FROM {table}"))
        for time, event in product(("BEFORE", "AFTER"), ("DELETE", "INSERT")):
            name, row = f"w_{table}_{column}_{time}_{event}".lower(), "old" if event == "DELETE" else "new"
            condition = f"WHEN {row}.{column} IS NOT NULL BEGIN SELECT 1; END"
            made.append((name, f"CREATE TRIGGER {name} {time} {event} ON {table} {condition}"))
        made.append((f"t_{table}_{column}", f"CREATE TABLE t_{table}_{column} AS SELECT {column} FROM {table}"))
        on_update = f"CREATE TRIGGER u_{table}_{column} AFTER UPDATE OF {column} ON {table} BEGIN SELECT 1; END"
        made.append((f"u_{table}_{column}", on_update))
        virtual = f"ALTER TABLE {table} ADD COLUMN g_{column} TEXT GENERATED ALWAYS AS (hex({column})) VIRTUAL"
        made.append((table, virtual))
        made.append((table, f"ALTER TABLE {table} RENAME COLUMN {column} TO r_{column}"))
        changed = f"UPDATE sqlite_schema SET sql = replace(sql, '{column} ', '{column}  ') WHERE name = '{table}'"
        made.append((table, f"PRAGMA writable_schema=ON; {changed}"))
    for table in TABLES:
        made.append((table, f"ALTER TABLE {table} RENAME TO x_{table}"))
        made.append((f"all_{table}", f"CREATE VIEW all_{table} AS SELECT * FROM {table}"))
        made.append((f"copy_{table}", f"CREATE TABLE copy_{table} AS SELECT * FROM {table}"))
    made.append(("generations", "DROP INDEX generations"))
    made.append(("generations", "DROP INDEX generations; CREATE INDEX generations ON speakers (generation)"))
    made.append(("sqlite_stat1", "ANALYZE"))
    made.append(("full", "CREATE VIRTUAL TABLE full USING fts5(words)"))
    return made


ALL = plantings()
CHOSEN = random.Random(0).sample(ALL, size(40, 200))


def plant(folder: Path, statements: str) -> None:
    database = sqlite3.connect(folder / DATABASE_NAME)
    database.executescript(statements)
    database.close()


def fresh(folder: Path, keys: MasterKeys) -> tuple[Store, str]:
    store = Store.open(folder, keys, ENCODER)
    return store, store.add_speaker("Ada", [enrollment(1)]).id


def test_there_are_enough_plantings_and_each_is_another() -> None:
    assert len(ALL) >= 200
    assert len({statement for _, statement in ALL}) == len(ALL)


@pytest.mark.parametrize(("name", "statement"), CHOSEN)
def test_no_receipt_over_a_planted_schema(tmp_path: Path, keys: MasterKeys, name: str, statement: str) -> None:
    folder = tmp_path / "planted"
    store, ada = fresh(folder, keys)
    try:
        plant(folder, statement)
        with pytest.raises(StoreError):
            store.forget(ada)
        # Where the tables cannot even be read any more, reading says so.
        try:
            assert any(repr(name) in fault for fault in check(store).faults)
        except StoreError as error:
            assert "no such" in error.message  # noqa: PT017 - both are right
    finally:
        store.close()
    with pytest.raises(StoreError) as caught:
        Store.open_existing(folder, keys)
    assert caught.value.code in ("schema_changed", "store_damaged", "store_failed")
    assert repr(name) in caught.value.message or "malformed" in caught.value.message


def test_check_says_it_on_the_command_line(tmp_path: Path, keys: MasterKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = fresh(tmp_path / "planted", keys)
    store.close()
    plant(tmp_path / "planted", f"CREATE TRIGGER bring_back AFTER DELETE ON speakers BEGIN {back('speakers')}; END")
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(keys.path))
    command = [sys.executable, "-m", "voiceprint", "check", "--data", str(tmp_path / "planted")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 4
    assert "trigger 'bring_back', which voiceprint did not make" in done.stderr
