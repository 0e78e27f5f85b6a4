"""Change the stored files in random ways, and see whether anybody is ever taken for somebody else.

    python tests/robustness mutation [MUTATIONS] [--seed N]

Flips, zeroed pages, cut files, random bytes, rows and keys swapped between speakers and between stores, single rows and
whole speakers rolled back, forgotten speakers put back with and without their tombstone, rows taken away. After each
the store must either refuse to open with one sentence, or give back only speakers who are exactly as they were written
last, each with their own voice and name; nobody who was forgotten; nothing may crash. Exit code 1 at the first breach.
"""

import argparse
import json
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from robustness.mutations import MUTATIONS, Row
from voiceprint.domain.speaker import EncoderIdentity, Enrollment
from voiceprint.errors import VoiceprintError
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.sealing.key_file import MasterKeys, create_key_file
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Loaded, Store

ENCODER = EncoderIdentity("mutation-test", "c" * 64, 192)
TABLES = ("speakers", "meta")
Truth = dict[str, tuple[str, tuple[bytes, ...]]]


class Bench:
    """Two sound stores, what is true of the first, and the rows that it had in former times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys: MasterKeys = create_key_file(folder / "key", data=folder / "sound")
        self.old: dict[str, list[Row]] = {}
        self.gone: set[str] = set()
        self.build(folder / "other", 8, keep=False)
        self.truth = self.build(folder / "sound", 12, keep=True)
        self.foreign = rows_of(folder / "other")

    def build(self, folder: Path, count: int, *, keep: bool) -> Truth:
        store = Store.open(folder, self.keys, ENCODER)
        people = [store.add_speaker(f"speaker {number}", [enrollment(), enrollment()]) for number in range(count)]
        if keep:
            self.old = rows_of(folder)
        for who in people[: count // 3]:
            store.rename(who.id, f"{who.name} renamed")
            store.add_enrollments(who.id, [enrollment()])
        self.gone = {who.id for who in people[-3:]}
        for speaker_id in self.gone:
            store.forget(speaker_id)
        truth = as_truth(store.load())
        store.close()
        return truth


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mutations", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(args.mutations, args.seed, Path(folder))))
    return 0


def run(mutations: int, seed: int, folder: Path) -> dict[str, Any]:
    """Raises AssertionError at the first breach; otherwise the counts."""
    chance, bench, counts = random.Random(seed), Bench(folder), Counter[str]()
    for number in range(mutations):
        mutation = MUTATIONS[number % len(MUTATIONS)]
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(folder / "sound", work)
        mutation(work / DATABASE_NAME, chance, bench)
        outcome = judge(work, bench, f"mutation {number} ({mutation.__name__}, seed {seed})")
        counts[outcome] += 1
        counts[f"{mutation.__name__}: {outcome}"] += 1
    return {"mutations": mutations, "wrong_identities": 0, "crashes": 0, **dict(sorted(counts.items()))}


def judge(work: Path, bench: Bench, what: str) -> str:
    try:
        store = Store.open_existing(work, bench.keys)
    except VoiceprintError as error:
        return refusal(error, what)
    try:
        found = as_truth(store.load())
        report = check(store)
    except VoiceprintError as error:
        return refusal(error, what)
    finally:
        store.close()
    assert not set(found) & bench.gone, f"{what}: somebody forgotten is back"
    for speaker_id, person in found.items():
        assert bench.truth.get(speaker_id) == person, f"{what}: {speaker_id} is not who they were"
    if found == bench.truth:
        return "unharmed" if report.whole else "unharmed_and_said"
    assert not report.whole, f"{what}: somebody is left out and nothing was said"
    return "left_out"


def refusal(error: VoiceprintError, what: str) -> str:
    assert error.message.endswith("."), f"{what}: {error.message}"
    return "refused"


def as_truth(loaded: Loaded) -> Truth:
    return {who.id: (who.name, tuple(one.embedding.tobytes() for one in who.enrollments)) for who in loaded.speakers}


def enrollment() -> Enrollment:
    vector = np.random.default_rng().normal(size=192).astype(np.float32)
    return Enrollment.new(vector / np.linalg.norm(vector), 3.0, "content")


def rows_of(folder: Path) -> dict[str, list[Row]]:
    database = sqlite3.connect(folder / DATABASE_NAME)
    found = {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    database.close()
    return found
