"""Put every record of a store in the place of every other, and see whether anybody ever becomes somebody else.

    python tests/robustness swap [SPEAKERS]        (52)

Two stores under one master key, as many speakers in each. Every sealed key and body of the first store is a target;
into each place comes, one after the other, every token of both stores: the token alone, and the token with its row's
own generation. Then whole rows under every other speaker's id. A swap is accepted if the speaker whose
row it was still opens, or if anybody opens as somebody else. Each trial is a transaction that is rolled back.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voiceprint.domain.speaker import EncoderIdentity, Enrollment, StoredSpeaker
from voiceprint.errors import StoreError
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.key_file import create_key_file
from voiceprint.storage.store import Store

ENCODER = EncoderIdentity("swap-matrix", "c" * 64, 192)
COLUMNS = ("key", "body")


@dataclass(frozen=True, slots=True)
class Cell:
    """One sealed token: where it lies, whose it is, the generation beside it."""

    store: str
    column: str
    speaker: str
    generation: int
    token: bytes


class _UndoError(Exception):
    pass


def main() -> int:
    speakers = int(sys.argv[1]) if len(sys.argv) > 1 else 52
    with tempfile.TemporaryDirectory() as folder:
        counts = run(speakers, Path(folder))
    print(json.dumps(counts))
    return 1 if counts["accepted"] else 0


def run(speakers: int, folder: Path) -> dict[str, float]:
    """The counts of one whole matrix."""
    began = time.monotonic()
    keys = create_key_file(folder / "key", data=folder / "one")
    stores = [Store.open(folder / name, keys, ENCODER) for name in ("one", "two")]
    for store in stores:
        for number in range(speakers):
            speaker = store.add_speaker(f"Person {number}", [_enrollment()])
            for _ in range(number % 2):  # so that generations differ
                store.add_enrollments(speaker.id, [_enrollment()])
    cells = [cell for store in stores for cell in _cells(store)]
    people = {speaker.id: speaker for speaker in stores[0].load().speakers}
    counts = {"speakers": speakers, "stores": len(stores), "swaps": 0, "store_refused": 0, "accepted": 0}
    assert _try(stores[0], [], next(iter(people)), people) == "accepted"  # the judge would see what it looks for
    for statements, victim in (*_tokens(stores[0], cells), *_whole_speakers(stores[0], cells)):
        counts["swaps"] += 1
        outcome = _try(stores[0], statements, victim, people)
        if outcome != "left_out":
            counts[outcome] += 1
    for store in stores:
        store.close()
    return {**counts, "seconds": round(time.monotonic() - began)}


def _enrollment() -> Enrollment:
    vector = np.random.default_rng().normal(size=192).astype(np.float32)
    return Enrollment.new(vector / np.linalg.norm(vector), 3.0)


def _cells(store: Store) -> Iterator[Cell]:
    with store.reading() as rows:
        for speaker_id, generation, *tokens in rows.tables.speakers():
            for column, token in zip(COLUMNS, tokens, strict=True):
                yield Cell(store.id, column, speaker_id, generation, token)


Statement = tuple[str, tuple[object, ...]]


def _tokens(store: Store, cells: list[Cell]) -> Iterator[tuple[list[Statement], str]]:
    for target in (cell for cell in cells if cell.store == store.id):
        for source in cells:
            if source.token == target.token:
                continue
            sql = f"UPDATE speakers SET {target.column} = ? WHERE id = ?"
            yield [(sql, (source.token, target.speaker))], target.speaker
            if source.generation != target.generation:
                sql = f"UPDATE speakers SET {target.column} = ?, generation = ? WHERE id = ?"
                yield [(sql, (source.token, source.generation, target.speaker))], target.speaker


def _whole_speakers(store: Store, cells: list[Cell]) -> Iterator[tuple[list[Statement], str]]:
    whole: dict[str, list[Cell]] = {}
    for cell in cells:
        whole.setdefault(cell.speaker, []).append(cell)
    for target, own in whole.items():
        for source, (key, body) in whole.items():
            if source != target and own[0].store == store.id:
                sql = "UPDATE speakers SET generation = ?, key = ?, body = ? WHERE id = ?"
                yield [(sql, (key.generation, key.token, body.token, target))], target


def _try(store: Store, statements: list[Statement], victim: str, people: dict[str, StoredSpeaker]) -> str:
    outcome = "left_out"
    try:
        with store.writing() as rows:
            for sql, values in statements:
                rows.tables.database.execute(sql, values)
            outcome = _judge(rows, victim, people)
            _undo()
    except _UndoError:
        pass
    return outcome


def _undo() -> None:
    raise _UndoError


def _judge(rows: Rows, victim: str, people: dict[str, StoredSpeaker]) -> str:
    try:
        loaded = rows.load()
    except StoreError:
        return "store_refused"
    for speaker in loaded.speakers:
        real = people.get(speaker.id)
        if speaker.id == victim or real is None or speaker.profile != real.profile or not _same_voice(speaker, real):
            return "accepted"
    return "left_out" if len(loaded.speakers) == len(people) - 1 else "accepted"


def _same_voice(one: StoredSpeaker, other: StoredSpeaker) -> bool:
    pairs = zip(one.enrollments, other.enrollments, strict=True)
    return all(np.array_equal(a.embedding, b.embedding) for a, b in pairs)
