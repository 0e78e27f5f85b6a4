"""A store of the former layout is moved to one row a speaker once: nothing is lost, nothing of it stays behind."""

import os
import random
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from support.former_store import make_former
from support.store_fixtures import ENCODER, enrollment, files, tamper, unit

from voiceprint.storage.maintenance.check import check
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store

SPEAKERS, KILLS = 24, 12


@pytest.fixture
def former(folder: Path, keys: MasterKeys, store: Store) -> list[bytes]:
    for number in range(SPEAKERS):
        speaker = store.add_speaker(f"Person {number}", [enrollment(number)])
        if number % 2:
            store.rename(speaker.id, f"Person {number} again")
    store.forget(store.add_speaker("Gone", [enrollment(99)]).id)
    store.close()
    return make_former(folder, keys, ENCODER)


def assert_whole(folder: Path, keys: MasterKeys) -> None:
    store = Store.open(folder, keys, ENCODER)
    speakers = store.load().speakers
    assert check(store).faults == ()
    store.close()
    assert [speaker.name for speaker in speakers] == [
        f"Person {number}{' again' if number % 2 else ''}" for number in range(SPEAKERS)
    ]
    for number, speaker in enumerate(speakers):
        (one,) = speaker.enrollments
        assert (one.embedding == unit(number)).all()
        assert one.content == f"content-{number}"


def left_of(tokens: list[bytes], folder: Path) -> list[bytes]:
    clear = files(folder)
    return [token for token in tokens if any(token[at : at + 32] in clear for at in range(16, len(token) - 32, 32))]


def test_everybody_is_moved_and_no_byte_of_the_former_rows_is_left(
    folder: Path, keys: MasterKeys, former: list[bytes]
) -> None:
    assert left_of(former, folder) == former  # the search sees what it looks for
    assert_whole(folder, keys)
    assert left_of(former, folder) == []
    database = sqlite3.connect(folder / DATABASE_NAME)
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    database.close()
    assert tables == {"meta", "speakers", "tombstones", "audit"}
    assert_whole(folder, keys)


def test_a_kill_in_the_middle_leaves_all_or_nothing_and_the_next_start_goes_on(
    tmp_path: Path, folder: Path, keys: MasterKeys, former: list[bytes]
) -> None:
    chance = random.Random(0)
    began = time.monotonic()
    shutil.copytree(folder, tmp_path / "timed")
    Store.open(tmp_path / "timed", keys, ENCODER).close()
    whole = time.monotonic() - began
    layouts = set()
    for number in range(KILLS):
        work = tmp_path / f"work{number}"
        shutil.copytree(folder, work)
        child = os.fork()
        if child == 0:
            try:
                Store.open(work, keys, ENCODER)
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, whole))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        database = sqlite3.connect(work / DATABASE_NAME)
        layouts.add(database.execute("PRAGMA user_version").fetchone()[0])
        database.close()
        assert_whole(work, keys)
        assert left_of(former, work) == []
    assert layouts <= {2, 4}


def test_who_was_damaged_stays_named_and_the_others_are_moved(
    folder: Path, keys: MasterKeys, former: list[bytes]
) -> None:
    database = sqlite3.connect(folder / DATABASE_NAME)
    people = [row[0] for row in database.execute("SELECT speaker_id FROM keys ORDER BY rowid")]
    database.close()
    tamper(folder, "UPDATE keys SET token = zeroblob(100) WHERE speaker_id = ?", people[0])
    tamper(folder, "DELETE FROM records WHERE speaker_id = ? AND type = 'enrollment'", people[1])
    tamper(folder, "UPDATE keys SET generation = 9 WHERE speaker_id = ?", people[2])
    store = Store.open(folder, keys, ENCODER)
    loaded = store.load()
    assert set(loaded.damaged) == set(people[:3])
    assert [speaker.id for speaker in loaded.speakers] == people[3:]
    for speaker_id in people[:3]:
        store.forget(speaker_id)
    assert check(store).whole
    store.close()
