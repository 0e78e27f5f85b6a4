"""Several processes on one store at the same time: bulk enrollment beside a running server."""

import subprocess
import sys
import time
from pathlib import Path

from support.paths import TESTS
from support.store_fixtures import ENCODER, enrollment

from voiceprint.storage.maintenance.check import check
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from support.store_fixtures import ENCODER, enrollment
from voiceprint.storage.sealing.key_file import load_key_file
from voiceprint.storage.store import Store
data, key, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
store = Store.open(data, load_key_file(key, data=data), ENCODER)
for number in range(40):
    who = store.add_speaker(f"{name} {number}", [enrollment(number)])
    store.rename(who.id, f"{name} {number} again")
store.close()
"""


def start_writer(folder: Path, keys: MasterKeys, name: str) -> "subprocess.Popen[bytes]":
    arguments = [str(folder), str(keys.path), name, str(TESTS)]
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments])


def test_writers_do_not_get_into_each_others_way(folder: Path, keys: MasterKeys, store: Store) -> None:
    writers = [start_writer(folder, keys, name) for name in ("one", "two", "three")]
    mine = 0
    while any(writer.poll() is None for writer in writers):
        store.forget(store.add_speaker(f"mine {mine}", [enrollment(mine)]).id)
        assert store.load().damaged == ()
        mine += 1
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    loaded = store.load()
    assert len(loaded.speakers) == 120
    assert all(who.name.endswith("again") for who in loaded.speakers)
    assert check(store).whole


def test_a_new_speaker_is_seen_within_a_second(folder: Path, keys: MasterKeys, store: Store) -> None:
    version = store.data_version()
    other = Store.open(folder, keys, ENCODER)
    other.add_speaker("Ada", [enrollment(1)])
    began = time.monotonic()
    while store.data_version() == version:
        assert time.monotonic() - began < 1.0
    assert [who.name for who in store.load().speakers] == ["Ada"]
    other.close()


def test_a_store_made_by_two_at_once_is_one_store(folder: Path, keys: MasterKeys) -> None:
    writers = [start_writer(folder, keys, name) for name in ("one", "two")]
    assert [writer.wait() for writer in writers] == [0, 0]
    store = Store.open(folder, keys, ENCODER)
    assert len(store.load().speakers) == 80
    assert check(store).whole
    store.close()
