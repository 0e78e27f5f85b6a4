"""Kill -9 at random moments while a store is written to, and see whether anything promised was lost.

    python tests/robustness crash [KILLS] [--seed N] [--folder DIR] [--postgres]

A child process enrolls, adds, renames, forgets, rotates the master key, renews, trims and loads, one after the
other, and tells its parent before and after each. The parent kills it at a random moment and opens what is left. An
operation that was told as done must be there; the one under way must be there whole or not at all; everything must
open; SQLite's own check must be clean. Exit code 1 with the first difference.
"""

import argparse
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from support.postgres import place_in

from voiceprint.domain.speaker import EncoderIdentity, Enrollment
from voiceprint.errors import KeyFileError
from voiceprint.storage.engine import Place
from voiceprint.storage.maintenance.audit_trimming import trim
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.sealing.key_file import KeyFile, MasterKeys, create_key_file, load_key_file
from voiceprint.storage.store import Loaded, Store

ENCODER = EncoderIdentity("crash-test", "c" * 64, 192)
OPERATIONS = {
    "enroll": 40,
    "update": 25,
    "rename": 10,
    "seen": 10,
    "forget": 20,
    "rotate": 6,
    "renew": 6,
    "trim": 6,
    "load": 12,
}
ABOUT_SOMEBODY = frozenset({"update", "rename", "seen", "forget"})
MAX_SECONDS = 0.12

# A speaker as both sides see them: name and the contents of the enrollments, in order.
Speakers = dict[str, tuple[str, tuple[str, ...]]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work (a new temporary folder)")
    parser.add_argument("--postgres", action="store_true", help="over a PostgreSQL server of its own")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=args.folder) as folder,
        place_in(Path(folder), postgres=args.postgres) as place,
    ):
        print(json.dumps(run(args.kills, args.seed, Path(folder), place)))
    return 0


def run(kills: int, seed: int, folder: Path, data: Place) -> dict[str, Any]:
    """Raises AssertionError at the first broken promise; otherwise the counts."""
    chance = random.Random(seed)
    key = folder / "keys" / "master.key"
    first = create_key_file(key, data=None)
    Store.open(data, first, ENCODER).close()
    known: Speakers = {}
    counts: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(kills):
        lines = _work_and_be_killed(data, key, chance.getrandbits(32), known, chance.uniform(0.002, MAX_SECONDS))
        known = _compare(known, lines, data, key, counts, number)
    counts["seconds"] = round(time.monotonic() - began)
    _finish_rotation(data, key, first)
    return {"kills": kills, "speakers_left": len(known), "lost": 0, "torn": 0, **counts}


def _work_and_be_killed(data: Place, key: Path, seed: int, known: Speakers, seconds: float) -> list[dict[str, Any]]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            _work(data, key, random.Random(seed), dict(known), writer)
        finally:
            os._exit(3)  # the work ends only by the kill
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        first = pipe.readline()  # the kills fall into the work, not into the start
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        rest = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the worker ended by itself: {(first + rest)[-500:]!r}"
    return [json.loads(line) for line in (first + rest).splitlines() if line.endswith(b"}")]


def _work(data: Place, key: Path, chance: random.Random, known: Speakers, writer: int) -> None:
    def tell(**what: object) -> None:
        os.write(writer, json.dumps(what).encode() + b"\n")

    store = Store.open(data, load_key_file(key, data=None), ENCODER)
    vectors = np.random.default_rng(chance.getrandbits(32))
    try:
        while True:
            operation = chance.choices(list(OPERATIONS), list(OPERATIONS.values()))[0] if known else "enroll"
            who = chance.choice(sorted(known)) if known and operation in ABOUT_SOMEBODY else None
            word = f"{chance.getrandbits(40):010x}"
            tell(begin=operation, who=who, word=word)
            who = _do(store, operation, who, word, vectors, known)
            tell(done=operation, who=who, word=word)
    except BaseException as error:
        tell(failed=repr(error))
        raise


def _do(
    store: Store, operation: str, who: str | None, word: str, vectors: np.random.Generator, known: Speakers
) -> str | None:
    if operation == "enroll":
        who = store.add_speaker(word, [_enrollment(vectors, word)]).id
    elif operation == "update" and who:
        store.add_enrollments(who, [_enrollment(vectors, word)])
    elif operation == "rename" and who:
        store.rename(who, word)
    elif operation == "forget" and who:
        store.forget(who)
    elif operation == "rotate":
        rotate(store)
    elif operation == "seen" and who:
        store.touch(who, f"20{int(word[:4], 16) % 90 + 10}-01-01")
    elif operation == "renew":
        renew(store)
    elif operation == "trim":
        trim(store, days=1, now=time.time() + 2 * 86_400)
    elif operation == "load":
        store.load()
    _apply(known, operation, who, word)
    return who


def _enrollment(vectors: np.random.Generator, word: str) -> Enrollment:
    vector = vectors.normal(size=192).astype(np.float32)
    return Enrollment.new(vector / np.linalg.norm(vector), 3.0, word)


def _apply(known: Speakers, operation: str, who: str | None, word: str) -> None:
    if operation == "enroll" and who:
        known[who] = (word, (word,))
    elif operation == "update" and who:
        known[who] = (known[who][0], (*known[who][1], word))
    elif operation == "rename" and who:
        known[who] = (word, known[who][1])
    elif operation == "forget" and who:
        del known[who]


def _compare(
    known: Speakers, lines: list[dict[str, Any]], data: Place, key: Path, counts: Counter[str], number: int
) -> Speakers:
    """What is on disk must be what was told, with or without the operation under way."""
    expected, under_way = dict(known), None
    for line in lines:
        assert "failed" not in line, f"kill {number}: {line['failed']}"
        if "begin" in line:
            under_way = line
        else:
            _apply(expected, line["done"], line["who"], line["word"])
            counts[line["done"]] += 1
            under_way = None
    found = _read(data, key, number)
    if found == expected:
        counts["killed_before_commit" if under_way else "killed_between"] += 1
        return found
    assert under_way, f"kill {number}: an acknowledged write was lost or something else appeared"
    who = under_way["who"] or next(iter(set(found) - set(expected)), None)
    _apply(expected, under_way["begin"], who, under_way["word"])
    assert found == expected, f"kill {number}: {under_way['begin']} is there in part"
    counts["killed_after_commit"] += 1
    return found


def _read(data: Place, key: Path, number: int) -> Speakers:
    store = Store.open(data, load_key_file(key, data=None), ENCODER)
    with store.writing():  # after what a database still does for a server that was killed
        pass
    loaded, report = store.load(), check(store)
    store.close()
    assert loaded.damaged == (), f"kill {number}: {loaded.damaged}"
    assert report.whole, f"kill {number}: {report.faults}"
    return _seen(loaded)


def _seen(loaded: Loaded) -> Speakers:
    return {who.id: (who.name, tuple(enrollment.content for enrollment in who.enrollments)) for who in loaded.speakers}


def _finish_rotation(data: Place, key: Path, first: MasterKeys) -> None:
    """At the end the very first key opens nothing any more, and one key opens all."""
    store = Store.open(data, load_key_file(key, data=None), ENCODER)
    while len(store.keys.keys) > 1 or store.keys.keys == first.keys:
        rotate(store)
    before = len(store.load().speakers)
    store.close()
    assert not _opens(data, first), "the old key still opens the store"
    store = Store.open(data, load_key_file(key, data=None), ENCODER)
    assert len(store.load().speakers) == before
    store.close()


def _opens(data: Place, keys: MasterKeys) -> bool:
    try:
        Store.open(data, MasterKeys(keys.keys, KeyFile(Path("nowhere"))), ENCODER).close()
    except KeyFileError:
        return False
    return True
