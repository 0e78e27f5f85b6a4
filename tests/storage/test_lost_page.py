"""A page of the SQLite file is lost: whoever was on it is named, and the rest can be used and saved."""

import random
import sqlite3
from pathlib import Path

import pytest
from support.store_fixtures import ENCODER, enrollment

from voiceprint.storage.maintenance.bundle import read_bundle, take_bundle
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.restore import restore
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store

PAGE = 4096
SPEAKERS = 40


@pytest.fixture
def people(store: Store) -> dict[str, str]:
    return {store.add_speaker(f"Person {number}", [enrollment(number)]).id: str(number) for number in range(SPEAKERS)}


def lose(folder: Path, sql: str) -> None:
    """Overwrite the page on which a value lies that the query finds."""
    path = folder / DATABASE_NAME
    database = sqlite3.connect(path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    value = database.execute(sql).fetchone()[0]
    database.close()
    data = bytearray(path.read_bytes())
    at = data.index(value if isinstance(value, bytes) else value.encode()) // PAGE * PAGE
    data[at : at + PAGE] = random.Random(0).randbytes(PAGE)
    path.write_bytes(data)


@pytest.mark.parametrize("column", ["key", "body"])
def test_only_who_was_on_the_page_is_lost(
    folder: Path, tmp_path: Path, store: Store, keys: MasterKeys, people: dict[str, str], column: str
) -> None:
    store.close()
    lose(folder, f"SELECT {column} FROM speakers LIMIT 1 OFFSET {SPEAKERS // 2}")
    hurt = Store.open(folder, keys, ENCODER)
    loaded = hurt.load()
    whole = {who.id: who for who in loaded.speakers}
    assert 0 < len(loaded.damaged) < SPEAKERS // 2
    assert whole.keys() | set(loaded.damaged) == people.keys()
    for speaker_id, who in whole.items():
        assert who.name == f"Person {people[speaker_id]}"
    report = check(hurt)
    assert set(report.damaged) == set(loaded.damaged)
    assert any(loaded.damaged[0] in fault for fault in report.faults)
    sealed = take_bundle(hurt)
    hurt.close()
    saved = restore(tmp_path / "rest", keys, read_bundle(sealed, keys=keys))
    assert saved.added == len(whole)
    copy = Store.open(tmp_path / "rest", keys, ENCODER)
    assert {who.id for who in copy.load().speakers} == whole.keys()
    assert check(copy).whole
    copy.close()


def test_a_lost_page_of_the_log_stops_neither_reading_nor_saving(
    folder: Path, store: Store, keys: MasterKeys, people: dict[str, str]
) -> None:
    store.close()
    lose(folder, f"SELECT token FROM audit WHERE number = {SPEAKERS}")
    hurt = Store.open(folder, keys, ENCODER)
    assert {who.id for who in hurt.load().speakers} == people.keys()
    report = check(hurt)
    assert (report.damaged, report.whole) == ((), False)
    assert len(read_bundle(take_bundle(hurt), keys=keys).speakers) == SPEAKERS
    hurt.close()
