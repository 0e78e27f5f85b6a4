"""Start-up time with very many speakers, against opening their tokens one by one."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from cryptography.fernet import Fernet
from support.big_store import ENCODER, fill

from benchmarks.timing import Figures, clocked
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.storage.sealing.key_file import create_key_file, load_key_file
from voiceprint.storage.store import Loaded, Mark, Store

__all__ = ["measure_opening"]

_START = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from benchmarks.opening import start
print(json.dumps(start(Path(sys.argv[1]))))
"""


def measure_opening(folder: Path, speakers: int = 100_000, rounds: int = 3) -> Figures:
    """Ratio ``open_100k``, and seconds: from the store's file to gallery and names, over opening all its tokens.

    The tokens (key and body of each speaker) are opened one by one by the cryptography package, without names, gallery
    or manifest. Medians of starts in turn, each in a process of its own.
    """
    data, key = folder / "index", folder / "key"
    fill(data, create_key_file(key, data=data), speakers)
    tokens = _tokens(data, key)
    times, starts = [], list[dict[str, float]]()
    for _ in range(rounds):
        times.append(clocked(partial(_open, tokens)))
        starts.append(_start(folder, speakers))
    plain = float(np.median(times))
    stages = {name: float(np.median([one[name] for one in starts])) for name in starts[0]}
    ours = stages.pop("all")
    return {
        "open_100k": ours / plain,
        "open_100k_seconds": ours,
        "open_100k_tokens_seconds": plain,
        **{f"open_100k_{name}_seconds": seconds for name, seconds in stages.items()},
    }


class Clocked(Store):
    """A store that times the reading of its speakers."""

    took = 0.0

    def load(self, since: Mark | None = None, *, into: Callable[[StoredSpeaker], None] | None = None) -> Loaded:
        began = time.perf_counter()
        loaded = super().load(since, into=into)
        self.took = time.perf_counter() - began
        return loaded


def start(folder: Path) -> dict[str, float]:
    """Seconds from the store's file to gallery and names.

    ``all``: wall clock, ``cpu``: of the processor, both with the first look-up of a name; of these ``reading`` the
    speakers, and the ``first_name``, which builds the index of names. ``speakers``: their number.
    """
    data = folder / "index"
    began, worked = time.perf_counter(), time.process_time()
    store = Clocked.open(data, load_key_file(folder / "key", data=data), ENCODER)
    known = EnrolledSpeakers(store, ENCODER.dimension)
    ready = time.perf_counter()
    assert known.find("speaker 0") is not None
    ended = time.perf_counter()
    return {
        "all": ended - began,
        "cpu": time.process_time() - worked,
        "reading": store.took,
        "first_name": ended - ready,
        "speakers": known.count(),
    }


def _start(folder: Path, speakers: int) -> dict[str, float]:
    command = [sys.executable, "-c", _START, str(folder), str(Path(__file__).resolve().parents[1])]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found.pop("speakers") == speakers
    return found


Tokens = list[tuple[Fernet, bytes]]


def _tokens(data: Path, key: Path) -> Tokens:
    """Sealed tokens of all speakers under one key, as a plain program has them: as many bytes as our rows."""
    fernet = Fernet(Fernet.generate_key())
    store = Store.open(data, load_key_file(key, data=data), ENCODER)
    with store.reading() as rows:
        sizes = [len(token) for row in rows.tables.speakers() for token in row[2:]]
    store.close()
    return [(fernet, fernet.encrypt(bytes(size - 73))) for size in sizes]


def _open(tokens: Tokens) -> None:
    for fernet, token in tokens:
        fernet.decrypt(token)
