"""The servers of ``servers``: processes that keep voices over a store, and are asked over Unix sockets."""

import asyncio
import json
import multiprocessing
import random
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.speaker import EncoderIdentity, Enrollment
from voiceprint.errors import VoiceprintError
from voiceprint.server.presence_task import CONFIRM_EVERY_SECONDS
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.presence import Presence
from voiceprint.storage.sealing.key_file import load_key_file
from voiceprint.storage.store import Store

ENCODER = EncoderIdentity("servers-test", "c" * 64, 192)
SURE = 0.99
ANSWER_SECONDS = 30.0


def vector_of(voice: int) -> NDArray[np.float32]:
    """The unit vector (192,) of a voice."""
    vector = np.random.default_rng(voice).normal(size=192).astype(np.float32)
    unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
    return unit


async def ask(address: Path, **question: object) -> dict[str, Any] | None:
    """The answer of a server; None where it went away before it answered."""
    with suppress(OSError, TimeoutError, json.JSONDecodeError):
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(address)
            writer.write(json.dumps(question).encode() + b"\n")
            try:
                answer: dict[str, Any] = json.loads(await reader.readline())
            finally:
                writer.close()
            return answer
    await asyncio.sleep(0.05)
    return None


class Fleet:
    """Servers in processes of their own, each started again after its kill."""

    def __init__(self, place: str, key: Path, folder: Path, count: int) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["robustness.server_process"])
        self._given = (place, key)
        self.addresses = [folder / f"s{number}" for number in range(count)]
        self._processes: list[BaseProcess] = [self._start(address) for address in self.addresses]

    def any(self, chance: random.Random) -> Path:
        """The address of one of them."""
        return chance.choice(self.addresses)

    def kill_one(self, chance: random.Random) -> None:
        """Kill one, and start it again."""
        number = chance.randrange(len(self._processes))
        self._processes[number].kill()
        self._processes[number].join()
        self._processes[number] = self._start(self.addresses[number])

    def close(self) -> None:
        """Kill all."""
        for process in self._processes:
            process.kill()
            process.join()

    def _start(self, address: Path) -> BaseProcess:
        process = self._context.Process(target=serve, args=(*self._given, address), daemon=True)
        process.start()
        return process


class Server:
    """One server's store and gallery."""

    def __init__(self, place: str, key: Path) -> None:
        self._store = Store.open(place, load_key_file(key, data=None), ENCODER)
        self._enrolled = EnrolledSpeakers(self._store, ENCODER.dimension)
        self.presence = Presence(self._store, self._enrolled)

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer, or the code of what went wrong."""
        try:
            return {"id": getattr(self, str(question.pop("what")))(**question)}
        except VoiceprintError as error:
            return {"error": error.code, "said": error.message}

    def enroll(self, voice: int) -> str:
        """The id of a new speaker."""
        with self._enrolled.lock:
            speaker = self._store.add_speaker(f"voice {voice}", [Enrollment.new(vector_of(voice), 3.0)])
            self._enrolled.put(speaker)
        return speaker.id

    def identify(self, voice: int) -> str | None:
        """The id of the speaker with that voice."""
        self._enrolled.refresh()
        best = self._enrolled.scope().gallery.search(vector_of(voice), 1)
        return best[0].speaker_id if best and best[0].score > SURE else None

    def forget(self, id: str) -> int:
        """The number of servers that the receipt names as not confirming, when it is forgotten."""
        with self._enrolled.lock:
            draft = self._store.erase(id, reason="asked")
            self._enrolled.remove(id)
        return len(self._store.receipts(draft)[0].unconfirmed or ())


def serve(place: str, key: Path, address: Path) -> None:
    """Answer until the process is killed; a database that is away is waited for."""
    asyncio.run(_serve(place, key, address))


async def _serve(place: str, key: Path, address: Path) -> None:
    while True:
        try:
            server = await asyncio.to_thread(Server, place, key)
        except VoiceprintError:
            await asyncio.sleep(0.1)
        else:
            break

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, json.JSONDecodeError):
            answer = await asyncio.to_thread(server.answer, json.loads(await reader.readline()))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    address.unlink(missing_ok=True)
    listening = await asyncio.start_unix_server(converse, address)
    async with listening, asyncio.TaskGroup() as group:
        group.create_task(confirm(server.presence))
        await listening.serve_forever()


async def confirm(presence: Presence) -> None:
    """As every server does beside its answers."""
    while True:
        with suppress(VoiceprintError):
            await asyncio.to_thread(presence.confirm)
        await asyncio.sleep(CONFIRM_EVERY_SECONDS)
