"""After 1,000 enrollments and a kill: no template in clear in any file of the store, in whatever form."""

import base64
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.paths import TESTS
from support.store_fixtures import ENCODER, files, unit

from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store

ENROLLMENTS = 1000
WINDOW = 16
WRITER = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from support.store_fixtures import ENCODER, enrollment
from voiceprint.storage.sealing.key_file import load_key_file
from voiceprint.storage.store import Store
data, key = Path(sys.argv[1]), Path(sys.argv[2])
store = Store.open(data, load_key_file(key, data=data), ENCODER)
store.load()
for number in range(0, int(sys.argv[3]), 4):
    store.add_speaker(f"Adelheid {number}", [enrollment(number + at) for at in range(4)])
os.kill(os.getpid(), signal.SIGKILL)
"""
DTYPES = ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8")


def needles(vector: NDArray[np.float32]) -> set[bytes]:
    """Pieces of a vector as it would look in clear: six number formats, as bytes and in base64 at each alignment."""
    found = set()
    for dtype in DTYPES:
        raw = vector.astype(dtype).tobytes()
        found.add(raw[32 : 32 + WINDOW])
        for shift in range(3):
            text = base64.b64encode(raw[32 + shift : 62 + shift])
            found |= {text[:WINDOW], base64.urlsafe_b64encode(raw[32 + shift : 62 + shift])[:WINDOW]}
    return found


def test_no_template_lies_in_clear(folder: Path, keys: MasterKeys, store: Store) -> None:
    store.close()
    arguments = [str(folder), str(keys.path), str(ENROLLMENTS), str(TESTS)]
    done = subprocess.run([sys.executable, "-c", WRITER, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (folder / "voiceprint.db-wal").stat().st_size > 0  # a kill, and no clean end
    clear = files(folder)
    windows = {clear[at : at + WINDOW] for at in range(len(clear) - WINDOW)}
    hits = [number for number in range(ENROLLMENTS) if not windows.isdisjoint(needles(unit(number)))]
    assert hits == []
    assert b"Adelheid" not in clear
    again = Store.open(folder, keys, ENCODER)
    assert sum(len(who.enrollments) for who in again.load().speakers) == ENROLLMENTS
    again.close()


def test_the_search_would_find_one(folder: Path) -> None:
    folder.mkdir()
    for number, dtype in enumerate(DTYPES):
        raw = unit(number).astype(dtype).tobytes()
        for content in (b"xyz" + raw, b"x" + base64.b64encode(raw)):
            (folder / "clear").write_bytes(content)
            clear = files(folder)
            windows = {clear[at : at + WINDOW] for at in range(len(clear) - WINDOW)}
            assert not windows.isdisjoint(needles(unit(number)))
