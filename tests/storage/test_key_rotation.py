from pathlib import Path

import pytest
from support.store_fixtures import ENCODER, enrollment, files, tamper

from voiceprint.errors import KeyFileError, StoreError
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.sealing.key_file import KeyFile, MasterKeys, hold_key_file, load_key_file, replace_key_file
from voiceprint.storage.store import Store


def test_after_a_rotation_only_the_new_key_opens_and_nothing_is_lost(
    folder: Path, keys: MasterKeys, store: Store
) -> None:
    for number in range(7):
        store.add_speaker(f"speaker {number}", [enrollment(number)])
    seen: list[int] = []
    report = rotate(store, progress=seen.append)
    assert (report.rewrapped, report.resumed, report.old_keys_dropped, seen) == (7, False, True, [7])
    new = load_key_file(keys.path, data=folder)
    assert len(new.keys) == 1
    assert new.keys != keys.keys
    store.add_speaker("after", [enrollment(9)])
    store.close()
    again = Store.open(folder, new, ENCODER)
    assert len(again.load().speakers) == 8
    again.close()
    with pytest.raises(KeyFileError) as caught:
        Store.open(folder, MasterKeys(keys.keys, KeyFile(folder.parent / "nowhere")), ENCODER)
    assert caught.value.code == "key_wrong"


def test_another_process_goes_on_with_the_new_key(folder: Path, keys: MasterKeys, store: Store) -> None:
    other = Store.open(folder, keys, ENCODER)
    other.add_speaker("before", [enrollment(1)])
    rotate(store)
    other.add_speaker("after", [enrollment(2)])
    assert [who.name for who in other.load().speakers] == ["before", "after"]
    other.close()
    assert [who.name for who in store.load().speakers] == ["before", "after"]


def test_a_killed_rotation_is_finished_by_the_next(folder: Path, keys: MasterKeys, store: Store) -> None:
    for number in range(3):
        store.add_speaker(f"speaker {number}", [enrollment(number)])
    now = load_key_file(keys.path, data=folder)
    replace_key_file(MasterKeys((b"A" * 43 + b"=", *now.keys), now.source, now.stores))  # killed right after step 1
    report = rotate(store)
    assert (report.resumed, report.rewrapped) == (True, 3)
    assert load_key_file(keys.path, data=folder).keys == (b"A" * 43 + b"=",)
    assert len(store.load().speakers) == 3


def test_a_damaged_speaker_does_not_stop_it(folder: Path, store: Store) -> None:
    bad = store.add_speaker("bad", [enrollment(1)])
    store.add_speaker("good", [enrollment(2)])
    tamper(folder, "UPDATE speakers SET key = zeroblob(100) WHERE id = ?", bad.id)
    rotate(store)
    loaded = store.load()
    assert ([who.name for who in loaded.speakers], loaded.damaged) == (["good"], (bad.id,))


def test_a_key_file_that_is_not_ours_to_change_is_left_and_said(folder: Path, keys: MasterKeys, store: Store) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    before = files(keys.path.parent)
    elsewhere = MasterKeys(keys.keys, KeyFile(Path("/proc/voiceprint.key")))
    store.use_keys(elsewhere)
    with pytest.raises((KeyFileError, StoreError)):
        rotate(store)
    assert files(keys.path.parent) == before
    store.use_keys(keys)
    assert len(store.load().speakers) == 1


def test_a_key_that_another_store_needs_is_not_dropped(tmp_path: Path, keys: MasterKeys, store: Store) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    other = Store.open(tmp_path / "other", load_key_file(keys.path, data=tmp_path / "other"), ENCODER)
    other.add_speaker("Ben", [enrollment(2)])
    first = rotate(store)
    assert (first.old_keys_dropped, first.waiting_stores) == (False, (other.id,))
    assert [who.name for who in other.load().speakers] == ["Ben"]
    second = rotate(other)
    assert (second.resumed, second.old_keys_dropped, second.waiting_stores) == (True, True, ())
    other.close()
    now = load_key_file(keys.path, data=tmp_path / "other")
    assert len(now.keys) == 1
    for folder, name in ((Path(store.name).parent, "Ada"), (tmp_path / "other", "Ben")):
        again = Store.open(folder, now, ENCODER)
        assert [who.name for who in again.load().speakers] == [name]
        again.close()


def test_two_rotations_at_once_are_refused(keys: MasterKeys, store: Store) -> None:
    with hold_key_file(keys.path), pytest.raises(KeyFileError) as caught:
        rotate(store)
    assert caught.value.code == "key_busy"
