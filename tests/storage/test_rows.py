"""Whole speakers put back, rolled back or taken away: every row is genuine, and yet it does not add up."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from support.store_fixtures import ENCODER, enrollment, put, row_of, tamper

from voiceprint.errors import StoreError
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store


def test_somebody_forgotten_and_put_back_without_the_tombstone(folder: Path, store: Store) -> None:
    stays = store.add_speaker("Ben", [enrollment(2)])
    gone = store.add_speaker("Ada", [enrollment(1)])
    row = row_of(folder, gone.id)
    store.forget(gone.id)
    put(folder, row)
    tamper(folder, "DELETE FROM tombstones")
    loaded = store.load()
    assert ([who.id for who in loaded.speakers], loaded.damaged) == ([stays.id], (gone.id,))
    store.forget(gone.id)
    assert store.load().damaged == ()


def test_a_speaker_rolled_back_as_a_whole(folder: Path, store: Store) -> None:
    stays = store.add_speaker("Ben", [enrollment(2)])
    ada = store.add_speaker("Ada", [enrollment(1)])
    before = row_of(folder, ada.id)
    store.rename(ada.id, "Adelheid")
    put(folder, before)
    loaded = store.load()
    assert ([who.id for who in loaded.speakers], loaded.damaged) == ([stays.id], (ada.id,))
    store.forget(ada.id)
    assert ([who.id for who in store.load().speakers], store.load().damaged) == ([stays.id], ())


def test_a_speaker_taken_away_is_missed(folder: Path, store: Store) -> None:
    store.add_speaker("Ben", [enrollment(2)])
    ada = store.add_speaker("Ada", [enrollment(1)])
    tamper(folder, "DELETE FROM speakers WHERE id = ?", ada.id)
    (missing,) = store.load().damaged
    assert missing.startswith("missing-")
    store.forget(missing)
    assert store.load().damaged == ()


def test_when_even_the_log_does_not_say_what_is_right_the_store_is_refused(folder: Path, store: Store) -> None:
    gone = store.add_speaker("Ada", [enrollment(1)])
    row = row_of(folder, gone.id)
    store.forget(gone.id)
    put(folder, row)
    tamper(folder, "DELETE FROM tombstones")
    tamper(folder, "DELETE FROM audit WHERE number > 2")
    with pytest.raises(StoreError, match="does not add up"):
        store.load()


def test_an_old_state_over_new_rows_is_noticed(folder: Path, store: Store) -> None:
    database = sqlite3.connect(folder / DATABASE_NAME)
    old = database.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()[0]
    database.close()
    store.add_speaker("Ada", [enrollment(1)])
    tamper(folder, "UPDATE meta SET value = ? WHERE key = 'state'", old)
    with pytest.raises(StoreError, match="does not add up"):
        store.load()


def test_somebody_forgotten_with_the_state_and_the_log_of_that_time(folder: Path, store: Store) -> None:
    stays = store.add_speaker("Ben", [enrollment(2)])
    gone = store.add_speaker("Ada", [enrollment(1)])
    database = sqlite3.connect(folder / DATABASE_NAME)
    old = database.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()[0]
    database.close()
    row = row_of(folder, gone.id)
    store.rename(stays.id, "Benjamin")
    store.forget(gone.id)
    put(folder, row)
    tamper(folder, "DELETE FROM tombstones")
    tamper(folder, "DELETE FROM audit WHERE number > 3")
    tamper(folder, "UPDATE meta SET value = ? WHERE key = 'state'", old)
    with pytest.raises(StoreError, match="put back to an earlier state"):
        store.load()


def test_the_whole_store_put_back_is_not_noticed_but_its_log_can_tell(
    tmp_path: Path, folder: Path, keys: MasterKeys, store: Store
) -> None:
    """What no file can know about itself; here so that nobody believes otherwise."""
    ada = store.add_speaker("Ada", [enrollment(1)])
    store.close()
    shutil.copytree(folder, tmp_path / "backup")
    again = Store.open(folder, keys, ENCODER)
    again.forget(ada.id)
    again.close()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    back = Store.open(folder, keys, ENCODER)
    assert len(back.load().speakers) == 1
    back.close()
