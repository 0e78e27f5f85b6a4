"""Send nonsense that almost makes sense to every way in, and see whether anything breaks.

    python tests/robustness fuzz COUNT [--seed 0]

Messages, whole sessions, settings, HTTP requests and recordings, mutated from good ones. A refusal is right; another
exception, a 500 or an answer that takes longer than ten seconds is a crash. Prints one JSON object; exit code 1 after a
crash. The service is the tests' own: real but for an encoder that needs milliseconds.
"""

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
import time
import traceback
import wave
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient, TestServer
from support.toys import ToyEncoder, heard, tone, toy_service

from voiceprint.api.messages import decode_client, decode_server
from voiceprint.api.session import Session
from voiceprint.audio.decoding import decode
from voiceprint.config import Settings, load_settings
from voiceprint.errors import VoiceprintError
from voiceprint.server import create_app
from voiceprint.server.operations import OPERATIONS
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService

MOST_SECONDS = 10.0
# Shares of the inputs; a recording costs a child process.
KINDS = {"message": 0.4, "session": 0.3, "setting": 0.14, "http": 0.14, "recording": 0.02}
GOOD = (
    '{"type":"hello","version":1}',
    '{"type":"start","mode":"identify","encoding":"pcm_s16le","sample_rate":16000}',
    '{"type":"start","mode":"enroll","encoding":"pcm_s16le","sample_rate":16000,"name":"Eve","consent":{"purpose":"x"}}',
    '{"type":"start","mode":"verify","encoding":"pcm_s16le","sample_rate":16000,"speaker":"0","top_k":3}',
    '{"type":"stop"}',
    '{"type":"cancel"}',
)
ODD = ("null", "[]", "{}", "-1", "1e999", "NaN", '"\\ud800"', "\u202e", "\x00", "9" * 400, "[" * 2000, '"a":1,', "true")


def mutated(text: str, rng: random.Random) -> str:
    """The text with a few characters lost, doubled, changed or replaced by something odd."""
    for _ in range(rng.randrange(4)):
        at, until = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        change = rng.randrange(4)
        if change == 0:
            text = text[:at] + text[until:]
        elif change == 1:
            text = text[:until] + text[at:]
        elif change == 2:
            text = text[:at] + rng.choice(ODD) + text[at:]
        else:
            text = text[:at] + chr(rng.choice((0, 10, 34, 92, 123, 127, 0x2028, 0x1F600))) + text[at + 1 :]
    return text


def spoiled(data: bytes, rng: random.Random) -> bytes:
    """A file with some bytes changed, cut off or doubled."""
    kept = bytearray(data)
    for _ in range(rng.randrange(1, 20)):
        if kept:
            kept[rng.randrange(min(len(kept), 200) if rng.random() < 0.7 else len(kept))] = rng.randrange(256)
    return bytes(kept[: rng.randrange(len(kept) + 1)] if rng.random() < 0.3 else kept)


def recording() -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes((tone(400, 1.0).samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


def send_message(rng: random.Random) -> None:
    text = mutated(rng.choice(GOOD), rng)
    for read in (decode_client, decode_server):
        try:
            read(text)
        except VoiceprintError:
            continue


def set_something(rng: random.Random) -> None:
    name = mutated(rng.choice(Settings.__struct_fields__).upper(), rng)
    try:
        load_settings(environ={f"VOICEPRINT_{name}": mutated(rng.choice(("1", "0.5", "yes", "/tmp", "")), rng)})
    except VoiceprintError:
        return


def hold_session(service: VoiceprintService, rng: random.Random) -> None:
    """A connection that says a dozen things in any order."""
    session = Session(service, clock=time.monotonic)
    try:
        for turn in range(12):
            if rng.random() < 0.4:
                session.on_audio(rng.randbytes(rng.choice((0, 1, 2, 640, 6400, 32_000))))
            else:
                good = GOOD[0] if turn == 0 else rng.choice(GOOD)
                session.on_text(good if rng.random() < 0.7 else mutated(good, rng))
    except VoiceprintError:
        return  # the connection would be closed with this
    finally:
        session.close()


async def ask(client: TestClient[Any, Any], sound: bytes, rng: random.Random) -> None:
    one = rng.choice(OPERATIONS)
    path = mutated(one.path.replace("{id}", "0" * 32), rng) if rng.random() < 0.5 else one.path
    method = rng.choice(("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "BREW"))
    body = rng.choice((b"", rng.randbytes(50), mutated(rng.choice(GOOD), rng).encode("utf-8", "replace"), sound[:400]))
    kinds = ("application/json", "multipart/form-data; boundary=x", "multipart/form-data", "audio/wav", "text/\u00e4")
    headers = {"Content-Type": rng.choice(kinds)}
    if rng.random() < 0.2:
        headers["Authorization"] = mutated("Bearer abc", rng).replace("\n", "").replace("\x00", "")
    method = method if rng.random() < 0.5 else one.method
    try:
        url = client.make_url("/" + path.lstrip("/").replace("//", "/"))
    except (ValueError, AssertionError):
        return  # no address to this client
    try:
        response = await client.session.request(method, url, data=body, headers=headers)
        await response.read()
    except (aiohttp.ClientError, ValueError, UnicodeError):
        return  # what this client cannot even send, or the server cut off as no HTTP
    if response.status == 500:
        raise RuntimeError(f"500 for {method} {path!r}")


def hear(sound: bytes, rng: random.Random) -> None:
    try:
        decode(spoiled(sound, rng), max_seconds=60, max_bytes=2**20)
    except VoiceprintError:
        return


async def run(service: VoiceprintService, count: int, seed: int) -> dict[str, object]:
    rng, sound = random.Random(seed), recording()
    counts: Counter[str] = Counter()
    crashes: list[str] = []
    slowest = 0.0
    server = TestServer(create_app(service, service.settings))
    await server.start_server(**RUNNER_OPTIONS)
    async with TestClient(server) as client:
        actions: dict[str, Callable[[], object]] = {
            "message": lambda: send_message(rng),
            "session": lambda: hold_session(service, rng),
            "setting": lambda: set_something(rng),
            "http": lambda: ask(client, sound, rng),
            "recording": lambda: hear(sound, rng),
        }
        for number in range(count):
            kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
            started = time.monotonic()
            try:
                done = actions[kind]()
                if asyncio.iscoroutine(done):
                    await asyncio.wait_for(done, MOST_SECONDS)
            except Exception:  # noqa: BLE001 - whatever it is, it is what we look for
                crashes.append(f"input {number} ({kind}): {traceback.format_exc(limit=-3)}")
            counts[kind] += 1
            slowest = max(slowest, time.monotonic() - started)
    slow = [f"an input took {slowest:.1f} s"] if slowest > MOST_SECONDS else []
    return {"inputs": count, "crashes": len(crashes) + len(slow), **counts, "found": (crashes + slow)[:5]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.getLogger("aiohttp.server").disabled = True  # it tells at length of every request that is no HTTP
    with tempfile.TemporaryDirectory() as folder, toy_service(Path(folder), ToyEncoder()) as service:
        service.enroll_new("Ada", [service.admit(heard(service, 400).utterance)])
        found = asyncio.run(run(service, args.count, args.seed))
    print(json.dumps(found))
    sys.exit(1 if found["crashes"] else 0)
