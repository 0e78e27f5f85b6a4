"""Change the stored files in random ways, and see whether anybody is ever taken for somebody else.

    python scripts/mutation_test.py [MUTATIONS] [--seed N]

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
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from voiceprint.errors import VoiceprintError
from voiceprint.storage.check import check
from voiceprint.storage.database import DATABASE_NAME
from voiceprint.storage.keyfile import MasterKeys, create_key_file
from voiceprint.storage.records import EncoderIdentity, Enrollment
from voiceprint.storage.store import Store

ENCODER = EncoderIdentity("mutation-test", "c" * 64, 192)
PAGE = 4096
Row = tuple[Any, ...]
Truth = dict[str, tuple[str, tuple[bytes, ...]]]


class Bench:
    """Two sound stores, what is true of the first, and the rows that it had in former times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys: MasterKeys = create_key_file(folder / "key", data=folder / "sound")
        self.old: dict[str, list[Row]] = {"keys": [], "records": [], "meta": []}
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
        truth = as_truth(store)
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
        found = as_truth(store)
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


def as_truth(store: Store) -> Truth:
    return {
        who.id: (who.name, tuple(one.embedding.tobytes() for one in who.enrollments)) for who in store.load().speakers
    }


def enrollment() -> Enrollment:
    vector = np.random.default_rng().normal(size=192).astype(np.float32)
    return Enrollment.new(vector / np.linalg.norm(vector), 3.0, "content")


def rows_of(folder: Path) -> dict[str, list[Row]]:
    database = sqlite3.connect(folder / DATABASE_NAME)
    found = {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in ("keys", "records", "meta")}
    database.close()
    return found


# Mutations of the bytes


def flip_bits(path: Path, chance: random.Random, _bench: Bench) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 1, 8, 64])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def cut(path: Path, chance: random.Random, _bench: Bench) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.choice([0, 1, 100, PAGE, chance.randrange(len(data))])])


def zero_a_page(path: Path, chance: random.Random, _bench: Bench) -> None:
    overwrite(path, chance, bytes(PAGE))


def randomize_a_page(path: Path, chance: random.Random, _bench: Bench) -> None:
    overwrite(path, chance, chance.randbytes(PAGE))


def swap_pages(path: Path, chance: random.Random, _bench: Bench) -> None:
    data = bytearray(path.read_bytes())
    one, two = (chance.randrange(len(data) // PAGE) * PAGE for _ in range(2))
    data[one : one + PAGE], data[two : two + PAGE] = data[two : two + PAGE], data[one : one + PAGE]
    path.write_bytes(data)


def overwrite(path: Path, chance: random.Random, page: bytes) -> None:
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data) // PAGE) * PAGE
    data[at : at + PAGE] = page
    path.write_bytes(data)


# Mutations of the rows


def swap_tokens(path: Path, chance: random.Random, _bench: Bench) -> None:
    table, name = chance.choice([("keys", "speaker_id"), ("records", "id")])
    rows = execute(path, f"SELECT {name}, token FROM {table}")
    (one, first), (two, second) = chance.sample(rows, 2)
    execute(path, f"UPDATE {table} SET token = ? WHERE {name} = ?", second, one)
    execute(path, f"UPDATE {table} SET token = ? WHERE {name} = ?", first, two)


def take_from_another_store(path: Path, chance: random.Random, bench: Bench) -> None:
    table, name = chance.choice([("keys", "speaker_id"), ("records", "id"), ("meta", "key")])
    foreign = chance.choice(bench.foreign[table])
    mine = chance.choice(execute(path, f"SELECT {name} FROM {table}"))[0]
    column = "value" if table == "meta" else "token"
    execute(path, f"UPDATE {table} SET {column} = ? WHERE {name} = ?", foreign[-1], mine)


def bring_in_a_stranger(path: Path, chance: random.Random, bench: Bench) -> None:
    put_speaker(path, bench.foreign, chance.choice(bench.foreign["keys"])[0])


def exchange_owners(path: Path, chance: random.Random, _bench: Bench) -> None:
    one, two = (row[0] for row in chance.sample(execute(path, "SELECT speaker_id FROM keys"), 2))
    for old, new in ((one, "x"), (two, one), ("x", two)):
        execute(path, "UPDATE records SET speaker_id = ? WHERE speaker_id = ?", new, old)


def roll_back_a_row(path: Path, chance: random.Random, bench: Bench) -> None:
    table, marks = chance.choice([("keys", "?, ?, ?"), ("records", "?, ?, ?, ?, ?"), ("meta", "?, ?")])
    execute(path, f"INSERT OR REPLACE INTO {table} VALUES ({marks})", *chance.choice(bench.old[table]))


def roll_back_a_speaker(path: Path, chance: random.Random, bench: Bench) -> None:
    who = chance.choice(bench.old["keys"])[0]
    execute(path, "DELETE FROM records WHERE speaker_id = ?", who)
    put_speaker(path, bench.old, who)


def put_the_forgotten_back(path: Path, chance: random.Random, bench: Bench) -> None:
    put_speaker(path, bench.old, chance.choice(sorted(bench.gone)))
    if chance.random() < 0.5:
        execute(path, "DELETE FROM tombstones")
    if chance.random() < 0.3:
        execute(path, "DELETE FROM audit WHERE number > ?", chance.randrange(1, 30))
    if chance.random() < 0.2:
        state = next(row for row in bench.old["meta"] if row[0] == "state")
        execute(path, "INSERT OR REPLACE INTO meta VALUES (?, ?)", *state)


def take_a_row_away(path: Path, chance: random.Random, _bench: Bench) -> None:
    table = chance.choice(["keys", "records", "meta", "audit", "tombstones"])
    execute(path, f"DELETE FROM {table} WHERE rowid = (SELECT rowid FROM {table} ORDER BY random() LIMIT 1)")


def change_a_number(path: Path, chance: random.Random, _bench: Bench) -> None:
    table, column = chance.choice([("keys", "generation"), ("records", "version"), ("audit", "number")])
    execute(
        path,
        f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT rowid FROM {table} ORDER BY random() LIMIT 1)",
        chance.choice([-1, 0, 1, 2, 3, 1000, 2**62]),
    )


def put_speaker(path: Path, rows: dict[str, list[Row]], speaker_id: str) -> None:
    for row in rows["keys"]:
        if row[0] == speaker_id:
            execute(path, "INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", *row)
    for row in rows["records"]:
        if row[1] == speaker_id:
            execute(path, "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", *row)


def execute(path: Path, sql: str, *values: object) -> list[Row]:
    database = sqlite3.connect(path)
    try:
        with database:
            return database.execute(sql, values).fetchall()
    except sqlite3.IntegrityError:
        return []  # a number that is taken: no mutation this time
    finally:
        database.close()


MUTATIONS: list[Callable[[Path, random.Random, Bench], None]] = [
    flip_bits,
    cut,
    zero_a_page,
    randomize_a_page,
    swap_pages,
    swap_tokens,
    take_from_another_store,
    bring_in_a_stranger,
    exchange_owners,
    roll_back_a_row,
    roll_back_a_speaker,
    put_the_forgotten_back,
    take_a_row_away,
    change_a_number,
]

if __name__ == "__main__":
    sys.exit(main())
