"""Start-up time with very many speakers, against opening their Fernet tokens one by one."""

import base64
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from cryptography.fernet import Fernet
from support.big_store import ENCODER, fill

from benchmarks.timing import Figures, clocked
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.storage.maintenance.snapshot_keeper import SnapshotKeeper
from voiceprint.storage.sealing.key_file import create_key_file, load_key_file
from voiceprint.storage.snapshot.contents import StoreContents
from voiceprint.storage.store import Store

KINDS = ("profile", "enrollment")

__all__ = ["measure_opening"]

_START = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from benchmarks.opening import start
print(json.dumps(start(Path(sys.argv[1]))))
"""


def measure_opening(folder: Path, speakers: int = 100_000, rounds: int = 3) -> Figures:
    """Ratios ``open_100k`` and ``open_100k_templates``, and their seconds.

    From the store's file to gallery and names, over opening all tokens of its speakers (key, profile, enrollment) one
    by one, and over opening the tokens of their templates alone. Medians
    of starts in turn, each in a process of its own.
    """
    data, key = folder / "index", folder / "key"
    fill(data, create_key_file(key, data=data), speakers)
    rows = [_start(folder, speakers)["all"] for _ in range(rounds)]
    store = Store.open(data, load_key_file(key, data=data), ENCODER)
    store.load()
    sealing = clocked(SnapshotKeeper(store).visit_all)
    store.close()
    keys, profiles, templates = _tokens(data, key)
    times, starts = [], list[dict[str, float]]()
    for _ in range(rounds):
        times.append([clocked(partial(_open, some)) for some in (keys + profiles, templates)])
        starts.append(_start(folder, speakers))
    rest, plain = (float(median) for median in np.median(np.array(times), axis=0))
    stages = {name: float(np.median([one[name] for one in starts])) for name in starts[0]}
    ours = stages.pop("all")
    return {
        "open_100k": float(ours / (plain + rest)),
        "open_100k_templates": float(ours / plain),
        "open_100k_seconds": float(ours),
        "open_100k_tokens_seconds": float(plain + rest),
        "open_100k_by_rows_seconds": float(np.median(rows)),
        "open_100k_sealing_seconds": sealing,
        **{f"open_100k_{name}_seconds": seconds for name, seconds in stages.items()},
    }


class Clocked(Store):
    """A store that times the reading of its speakers."""

    took = 0.0

    def load_quickly(self) -> StoreContents:
        began = time.perf_counter()
        crowd = super().load_quickly()
        self.took = time.perf_counter() - began
        return crowd


def start(folder: Path) -> dict[str, float]:
    """Seconds from the store's file to gallery and names.

    ``all``, with the first look-up of a name; of these ``reading`` the speakers, and the ``first_name``, which builds
    the index of names. ``speakers``: their number.
    """
    data = folder / "index"
    began = time.perf_counter()
    store = Clocked.open(data, load_key_file(folder / "key", data=data), ENCODER)
    known = EnrolledSpeakers(store, ENCODER.dimension)
    ready = time.perf_counter()
    assert known.find("speaker 0") is not None
    ended = time.perf_counter()
    return {
        "all": ended - began,
        "reading": store.took,
        "first_name": ended - ready,
        "speakers": len(known.gallery),
    }


def _start(folder: Path, speakers: int) -> dict[str, float]:
    command = [sys.executable, "-c", _START, str(folder), str(Path(__file__).resolve().parents[1])]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found.pop("speakers") == speakers
    return found


Tokens = list[tuple[Fernet, bytes]]


def _tokens(data: Path, key: Path) -> tuple[Tokens, Tokens, Tokens]:
    """Sealed tokens of all speakers under one key, as a plain program has them: as many bytes as our rows."""
    fernet = Fernet(Fernet.generate_key())
    store = Store.open(data, load_key_file(key, data=data), ENCODER)
    with store.reading() as rows:
        sql = "SELECT token FROM keys", *(f"SELECT token FROM records WHERE type = '{kind}'" for kind in KINDS)
        sizes = [[len(base64.urlsafe_b64decode(token)) for (token,) in rows.database.execute(one)] for one in sql]
    store.close()
    keys, profiles, templates = ([(fernet, fernet.encrypt(bytes(size - 73))) for size in some] for some in sizes)
    return keys, profiles, templates


def _open(tokens: Tokens) -> None:
    for fernet, token in tokens:
        fernet.decrypt(token)
