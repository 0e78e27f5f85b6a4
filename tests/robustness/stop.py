"""SIGTERM under load: is everything that was acknowledged still there, and does the server end in order?

    python tests/robustness stop FILE... [--rounds 20] [--seed 0] [--json]

Each round starts a server on the same store, lets several clients enroll the recordings at once and one listen on a
stream, sends SIGTERM at a random moment, and looks: exit code 0 within 10 seconds, the stream closed with 1001, and
after a restart every enrollment that was answered is there.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from robustness.loads.serving import end, start
from voiceprint.api.messages import Hello, encode
from voiceprint.client import RefusedError, VoiceprintClient

CLIENTS, MOST_SECONDS, READY_SECONDS = 4, 10.0, 120.0


@dataclass(slots=True)
class Outcome:
    """``lost``: acknowledged and gone; ``unclean``: rounds that did not end as they should; ``slowest``: seconds."""

    rounds: int = 0
    acknowledged: int = 0
    refused: int = 0
    lost: int = 0
    unclean: list[str] = field(default_factory=list)
    slowest: float = 0.0


async def load(url: str, recordings: Sequence[bytes], prefix: str, known: set[str], outcome: Outcome) -> int | None:
    """Enroll from several clients until the server goes; the code with which it closed the stream."""
    async with VoiceprintClient(url) as client, aiohttp.ClientSession() as http, http.ws_connect(f"{url}/ws") as socket:
        await socket.send_str(encode(Hello(version=1)))
        await socket.receive_str()

        async def enroll(number: int) -> None:
            for turn in range(10_000):
                try:
                    enrolled = await client.enroll(f"{prefix}-{number}-{turn}", [recordings[turn % len(recordings)]])
                except RefusedError:
                    outcome.refused += 1
                    await asyncio.sleep(0.01)
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    return
                else:
                    known.add(enrolled.speaker.id)

        workers = [asyncio.create_task(enroll(number)) for number in range(CLIENTS)]
        closed = await socket.receive()
        await asyncio.wait(workers, timeout=MOST_SECONDS)
        return closed.data if closed.type is aiohttp.WSMsgType.CLOSE else socket.close_code


async def there(url: str) -> set[str]:
    async with VoiceprintClient(url) as client:
        return {speaker.id for speaker in await client.speakers()}


async def one_round(folder: Path, recordings: Sequence[bytes], number: int, delay: float, outcome: Outcome) -> None:
    known: set[str] = set()
    process, url = start(folder)
    loading = asyncio.create_task(load(url, recordings, f"round{number}", known, outcome))
    await asyncio.sleep(delay)
    stopped = time.monotonic()
    code = await asyncio.to_thread(end, process)
    seconds, closed = time.monotonic() - stopped, await loading
    outcome.rounds += 1
    outcome.acknowledged += len(known)
    outcome.slowest = max(outcome.slowest, seconds)
    if code != 0 or seconds > MOST_SECONDS or closed != aiohttp.WSCloseCode.GOING_AWAY:
        outcome.unclean.append(f"round {number}: exit {code} after {seconds:.1f} s, stream closed with {closed}")
    process, url = start(folder)
    outcome.lost += len(known - await there(url))
    await asyncio.to_thread(end, process)


def run(recordings: Sequence[bytes], *, rounds: int, seed: int) -> Outcome:
    """All rounds on one store."""
    outcome, rng = Outcome(), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            asyncio.run(one_round(Path(folder), recordings, number, rng.uniform(0.2, 2.0), outcome))
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = run([path.read_bytes() for path in args.files], rounds=args.rounds, seed=args.seed)
    facts = {name: getattr(found, name) for name in Outcome.__slots__}
    print(json.dumps(facts) if args.json else "\n".join(f"{name:13} {value}" for name, value in facts.items()))
    raise SystemExit(1 if found.lost or found.unclean else 0)
