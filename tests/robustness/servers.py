"""Several servers over one PostgreSQL database, killed at random, and the database restarted, under load.

    python tests/robustness servers [--kills 100] [--restarts 20] [--clients 50] [--seed N]

Each server is a process of its own with its store, gallery and directory; clients ask any of them to enroll, identify
and forget over a socket (no audio: a voice is a random vector). An enrollment that was acknowledged must be identified
by every server, within a second and as nobody else; somebody forgotten by none. At the end the store must be whole and
hold what was acknowledged, each speaker exactly as written. Exit code 1 with the first difference.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from support.postgres import PostgresServer, started

from robustness.server_process import ENCODER, Fleet, ask, vector_of
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.sealing.key_file import MasterKeys, create_key_file
from voiceprint.storage.store import Store

SERVERS = 3
SURE = 0.99
PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class World:
    """What the clients were told. ``there``: number of a voice by speaker id; ``unknown``: voices of lost answers."""

    fleet: Fleet
    chance: random.Random
    there: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    seen_after: list[float] = field(default_factory=list)
    gone_after: list[float] = field(default_factory=list)
    next_voice: int = 0
    over: bool = False

    def failed(self, what: str, answer: dict[str, Any] | None) -> None:
        """Count a lost answer, or one that says what went wrong."""
        self.counts[f"{what}: {answer['error'] if answer else 'server_away'}"] += 1


async def client(world: World) -> None:
    """Enroll, identify and forget until it is over."""
    while not world.over:
        what = world.chance.choices(["enroll", "identify", "forget"], [3, 6, 1])[0]
        if what == "enroll" or not world.there:
            await enroll(world)
        elif what == "identify":
            await identify(world, world.chance.choice(list(world.there)))
        else:
            await forget(world, world.chance.choice(list(world.there)))


async def enroll(world: World) -> None:
    voice = world.next_voice = world.next_voice + 1
    world.unknown.add(voice)
    answer = await ask(world.fleet.any(world.chance), what="enroll", voice=voice)
    if answer is None or "error" in answer:
        world.failed("enroll", answer)
        return
    world.unknown.discard(voice)
    world.there[answer["id"]] = voice
    world.counts["enrolled"] += 1
    if world.chance.random() < 0.2:
        world.seen_after.append(await until(world, voice, answer["id"]))


async def identify(world: World, speaker_id: str) -> None:
    voice = world.there[speaker_id]
    answer = await ask(world.fleet.any(world.chance), what="identify", voice=voice)
    if answer is None or "error" in answer:
        world.failed("identify", answer)
    elif speaker_id in world.there and speaker_id not in world.leaving:
        assert answer["id"] == speaker_id, f"voice {voice} was {speaker_id}, and is now {answer}"
        world.counts["identified"] += 1


async def forget(world: World, speaker_id: str) -> None:
    if speaker_id in world.leaving:
        return
    world.leaving.add(speaker_id)
    answer = await ask(world.fleet.any(world.chance), what="forget", id=speaker_id)
    if answer is None or "error" in answer:
        world.failed("forget", answer)  # perhaps it was done: nobody is asked about this voice again
        world.unknown.add(world.there.pop(speaker_id))
        return
    voice = world.gone[speaker_id] = world.there.pop(speaker_id)
    world.counts["forgotten"] += 1
    world.counts["receipts that name a server as not confirming"] += answer["id"] > 0
    world.gone_after.append(await until(world, voice, None))


async def until(world: World, voice: int, expected: str | None) -> float:
    """Seconds until every server identifies a voice as expected; those that are down are not asked."""
    began = time.monotonic()
    for address in list(world.fleet.addresses):
        while time.monotonic() - began < PATIENCE_SECONDS:
            answer = await ask(address, what="identify", voice=voice)
            if answer is None or "error" in answer:
                break
            if answer["id"] == expected or (expected in world.leaving):
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError(f"voice {voice} is not {expected} after {PATIENCE_SECONDS:g} s")
    return time.monotonic() - began


async def trouble(world: World, database: PostgresServer, kills: int, restarts: int) -> None:
    """Kill servers and restart the database, in random order, with a pause after each."""
    events = ["kill"] * kills + ["restart"] * restarts
    world.chance.shuffle(events)
    for event in events:
        await all_answer(world)
        await asyncio.sleep(world.chance.uniform(0.1, 0.6))
        if event == "kill":
            await asyncio.to_thread(world.fleet.kill_one, world.chance)
        else:
            await asyncio.to_thread(database.stop, immediately=world.chance.random() < 0.5)
            await asyncio.to_thread(database.start)
        world.counts[event] += 1
    await asyncio.sleep(1.0)
    world.over = True


async def all_answer(world: World) -> None:
    """Wait until every server answers."""
    for address in world.fleet.addresses:
        while "id" not in (await ask(address, what="identify", voice=0) or {}):
            await asyncio.sleep(0.05)


def judge(world: World, place: str, keys: MasterKeys) -> None:
    """The store at the end. Raises AssertionError."""
    store = Store.open(place, keys, ENCODER)
    loaded, report = store.load(), check(store)
    store.close()
    assert report.faults == (), report.faults
    found = {speaker.id: speaker for speaker in loaded.speakers}
    lost = world.there.keys() - found.keys()
    assert not lost, f"{len(lost)} acknowledged enrollments are lost"
    assert not world.gone.keys() & found.keys(), "somebody forgotten is there"
    for speaker_id, speaker in found.items():
        voice = int(speaker.name.removeprefix("voice "))
        assert world.there.get(speaker_id, voice) == voice, f"{speaker_id} has the name of another"
        assert speaker_id in world.there or voice in world.unknown, f"{speaker_id} was never enrolled"
        (one,) = speaker.enrollments
        assert np.array_equal(one.embedding, vector_of(voice)), f"{speaker_id} is torn"


async def run(args: argparse.Namespace, folder: Path, database: PostgresServer) -> dict[str, Any]:
    """The counts. Raises AssertionError at the first broken promise."""
    place = database.new_database()
    keys = create_key_file(folder / "key", data=None)
    Store.open(place, keys, ENCODER).close()
    fleet = Fleet(place, keys.path, folder, SERVERS)
    world, began = World(fleet, random.Random(args.seed)), time.monotonic()
    try:
        clients = [asyncio.create_task(client(world)) for _ in range(args.clients)]
        troubles = asyncio.create_task(trouble(world, database, args.kills, args.restarts))
        done, _ = await asyncio.wait([*clients, troubles], return_when=asyncio.FIRST_EXCEPTION)
        world.over = True
        for task in done:
            task.result()
        await asyncio.gather(*clients, troubles)
    finally:
        world.over = True
        fleet.close()
    judge(world, place, keys)
    return {
        "servers": SERVERS,
        "clients": args.clients,
        **world.counts,
        **{name: p99(values) for name, values in (("seen", world.seen_after), ("unseen", world.gone_after))},
        "lost": 0,
        "torn": 0,
        "wrong": 0,
        "seconds": round(time.monotonic() - began),
    }


def p99(seconds: list[float]) -> float | None:
    """Seconds until all servers saw a change."""
    return round(float(np.percentile(seconds, 99)), 3) if seconds else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as folder, started() as database:
        if database is None:
            print(json.dumps({"skipped": "PostgreSQL is not installed"}))
            return 0
        print(json.dumps(asyncio.run(run(args, Path(folder), database))))
    return 0
