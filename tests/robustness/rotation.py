"""Kill -9 a rotation of the master key again and again, over a big store.

    python tests/robustness rotation [SPEAKERS] [KILLS] [--seed N]

Each time a child process rotates and is killed at a random moment; then everybody must open with the key file as it is.
At the end a rotation runs through, the first key opens nothing any more, and everybody opens with one key.
"""

import argparse
import json
import os
import random
import signal
import tempfile
import time
from pathlib import Path

from support.big_store import ENCODER, fill

from voiceprint.errors import KeyFileError
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.sealing.key_file import KeyFile, MasterKeys, create_key_file, load_key_file
from voiceprint.storage.store import Store


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speakers", type=int, nargs="?", default=10_000)
    parser.add_argument("kills", type=int, nargs="?", default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(args.speakers, args.kills, random.Random(args.seed), Path(folder))))
    return 0


def run(speakers: int, kills: int, chance: random.Random, folder: Path) -> dict[str, float]:
    """Raises AssertionError at the first speaker lost; otherwise the counts and seconds."""
    data, key = folder / "index", folder / "key"
    first = create_key_file(key, data=data)
    fill(data, first, speakers)
    whole = timed_rotation(data, key)
    two_keys = 0
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            try:
                timed_rotation(data, key)
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, whole * 1.1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        keys = load_key_file(key, data=data)
        two_keys += len(keys.keys) > 1
        assert count(data, keys) == speakers
    timed_rotation(data, key)
    newest = load_key_file(key, data=data)
    assert len(newest.keys) == 1
    assert count(data, newest) == speakers
    assert not opens(data, MasterKeys(first.keys, KeyFile(folder / "nowhere"))), "the first key still opens the store"
    return {
        "speakers": speakers,
        "kills": kills,
        "killed_in_the_middle": two_keys,
        "lost": 0,
        "rotation_seconds": round(whole, 2),
    }


def timed_rotation(data: Path, key: Path) -> float:
    store = Store.open(data, load_key_file(key, data=data), ENCODER)
    began = time.monotonic()
    rotate(store)
    store.close()
    return time.monotonic() - began


def count(data: Path, keys: MasterKeys) -> int:
    store = Store.open(data, keys, ENCODER)
    loaded = store.load()
    store.close()
    assert loaded.damaged == ()
    return len(loaded.speakers)


def opens(data: Path, keys: MasterKeys) -> bool:
    try:
        Store.open(data, keys, ENCODER).close()
    except KeyFileError:
        return False
    return True
