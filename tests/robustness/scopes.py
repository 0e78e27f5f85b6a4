"""Very many scopes within a memory budget, against one server that has all voices in memory, asked in turn.

    python tests/robustness scopes [--scopes 10000] [--voices 100] [--memory MB] [--questions 2000] [--folder FOLDER]

A voice is a random vector, and no encoder runs: an answer is the search, the decision and its line in the audit log.
Each question is about a voice of a random scope, so that most scopes are not in memory when they are asked for. Memory
is what a process took more, at most, than one with an empty store. Each server has a store of its own, so that neither
reads what the other wrote. ``--folder`` keeps the store for another run.
Exit code 1 where an answer is wrong or the budget is not kept.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from support.toys import ToyEncoder, heard, toy_service

from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker, new_id
from voiceprint.service.factory import identity_of
from voiceprint.storage.sealing.key_file import create_key_file, load_key_file
from voiceprint.storage.store import Store

__all__ = ["main"]

# Scopes written in one transaction, and questions before those that count.
_BATCH, _WARM_UP = 200, 50


def vector_of(scope: int, voice: int) -> NDArray[np.float32]:
    """The unit vector (192,) of a voice."""
    vector = np.random.default_rng((scope, voice)).normal(size=192).astype(np.float32)
    unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
    return unit


def group_of(scope: int) -> str:
    return f"scope-{scope}"


def fill(folder: Path, scopes: int, voices: int) -> None:
    """Enroll the voices of all scopes that are not there yet."""
    data, key = folder / "index", folder / "master.key"
    keys = load_key_file(key, data=data) if key.exists() else create_key_file(key, data=data)
    store = Store.open(data, keys, identity_of(ToyEncoder()))
    with store.reading() as rows:
        begin = len(rows.tables.generations()) // voices
    for first in range(begin, scopes, _BATCH):
        with store.writing() as rows:
            for scope in range(first, min(first + _BATCH, scopes)):
                for voice in range(voices):
                    rows.write(_speaker(scope, voice), 0, "enrolled", enrollments=1)
    store.close()


def _speaker(scope: int, voice: int) -> StoredSpeaker:
    profile = Profile(name=f"voice {scope} {voice}", created_at=time.time(), groups=(group_of(scope),))
    return StoredSpeaker(new_id(), profile, (Enrollment.new(vector_of(scope, voice), 3.0),))


def serve(folder: Path, settings: dict[str, Any], asked: Connection) -> None:
    """Tell the seconds of the start; then of each answer (of the clock, of the processor) and its name; at last the
    memory.
    """
    began = time.perf_counter()
    with toy_service(folder, **settings) as service:
        asked.send(time.perf_counter() - began)
        probe = heard(service, 400)
        while (question := asked.recv()) is not None:
            began, worked = time.perf_counter(), time.process_time()
            answer = service.identify(
                replace(probe, embedding=vector_of(*question)), within=frozenset((group_of(question[0]),))
            )
            service.conclude(answer)
            speaker = service.get(answer.decision.speaker_id or "")
            took = time.perf_counter() - began, time.process_time() - worked
            asked.send((took, speaker.name if speaker else None))
        memory = service.scope_memory
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        kilobytes = {name: int(status[name].split()[0]) for name in ("VmHWM", "VmRSS")}
        asked.send((kilobytes, None if memory is None else (memory.bytes, memory.loaded)))


@contextmanager
def server(folder: Path, **settings: object) -> Iterator[Connection]:
    """The pipe to a server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(folder, settings, there), daemon=True)
    process.start()
    try:
        yield here
    finally:
        process.kill()
        process.join()


def ended(asked: Connection) -> Any:
    asked.send(None)
    return asked.recv()


def measure(args: argparse.Namespace, folder: Path, scratch: Path) -> dict[str, Any]:
    """The figures. Raises AssertionError for a wrong answer or a budget that was not kept."""
    fill(folder, args.scopes, args.voices)
    shutil.copytree(folder, copy := scratch / "copy")
    with server(scratch / "empty") as none:
        none.recv()
        (before, _) = ended(none)
    chance, times = random.Random(args.seed), list[list[tuple[float, float]]]()
    with server(copy) as whole, server(folder, memory_megabytes=args.memory) as scoped:
        starts = [asked.recv() for asked in (whole, scoped)]
        for number in range(_WARM_UP + args.questions):
            question, took = (chance.randrange(args.scopes), chance.randrange(args.voices)), []
            for asked in (whole, scoped) if number % 2 else (scoped, whole):
                asked.send(question)
                seconds, name = asked.recv()
                took.append(seconds)
                assert name == f"voice {question[0]} {question[1]}", f"{question} was told as {name}"
            times.append(took if number % 2 else took[::-1])
        (of_whole, _), (of_scoped, (accounted, loaded)) = ended(whole), ended(scoped)
    assert accounted <= args.memory * 1_000_000, f"{accounted} bytes are in use by its own account"
    milliseconds = np.array(times[_WARM_UP:]) * 1000  # (questions, servers, clock and processor)
    p95, median = (np.percentile(milliseconds, share, axis=0).T.round(2).tolist() for share in (95, 50))
    grown = {
        f"{kind}_megabytes": [round((kilobytes[name] - before[name]) * 1.024e-3, 1) for name in ("VmHWM", "VmRSS")]
        for kind, kilobytes in (("whole", of_whole), ("scoped", of_scoped))
    }
    return {
        "scopes": args.scopes,
        "voices": args.voices,
        "questions": args.questions,
        "start_seconds": [round(one, 1) for one in starts],
        **{f"median_{kind}": each for kind, each in zip(("ms", "cpu_ms"), median, strict=True)},
        **{f"p95_{kind}": each for kind, each in zip(("ms", "cpu_ms"), p95, strict=True)},
        **{f"p95_{kind}_ratio": round(b / a, 3) for kind, (a, b) in zip(("ms", "cpu_ms"), p95, strict=True)},
        "budget_megabytes": args.memory,
        "accounted_megabytes": round(accounted / 1e6, 1),
        "loaded": loaded,
        **grown,
        "wrong": 0,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scopes", type=int, default=10_000)
    parser.add_argument("--voices", type=int, default=100)
    parser.add_argument("--memory", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of both servers: threads that wait for each other measure the machine
    with (
        nullcontext(str(args.folder)) if args.folder else tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir=args.folder and args.folder.parent) as scratch,
    ):
        found = measure(args, Path(folder), Path(scratch))
    print(json.dumps(found))
    # What is below a few megabytes cannot be told from what the interpreter happens to hold.
    over = args.memory >= 100 and found["scoped_megabytes"][0] > args.memory
    if over:
        print("the budget was not kept", file=sys.stderr)
    return int(over)
