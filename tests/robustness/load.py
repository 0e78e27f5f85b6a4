"""How many live streams a server holds, how it refuses one more, what stalled connections and half an hour do to it.

    python tests/robustness load FILE... [--streams 2 4 8 16 24 32 48 64] [--stalled 200] [--soak MINUTES] [--json]

A server of its own is started on an empty store in which the speaker of the first recordings is enrolled. People speak
in real time, not in step; the time counts from the last frame to the last word. The knee is the largest number of
streams whose 95th percentile stays under half a second. With a server that takes no more than that, one stream too many
is timed to its refusal while all speak. Then connections are opened that send half a request, half a body, nothing
after the upgrade, or read none of their answers, and an honest client is timed with them and without. The soak holds
70 % of the knee.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustness.loads.serving import end, memory_mib, open_files, start
from robustness.loads.stalled import Stalled
from robustness.loads.streams import CLIP_SECONDS, crowd, keep_speaking, load, p95_ms, speak
from voiceprint.client import VoiceprintClient

KNEE_MS, ENROLLED, HONEST_ROUNDS, REFUSALS, SAMPLE_SECONDS = 500.0, 3, 40, 40, 5.0
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is asked of a running server."""

    client: VoiceprintClient
    url: str
    pid: int
    recordings: Sequence[bytes]
    clips: Sequence[bytes]


async def knee(bench: Bench, steps: Sequence[int]) -> Facts:
    rows: list[Facts] = []
    for streams in steps:
        rows.append({"streams": streams, "p95_ms": p95_ms(await crowd(bench.client, bench.clips, streams))})
        if rows[-1]["p95_ms"] > KNEE_MS:
            break
    return {"rows": rows, "knee": max((row["streams"] for row in rows if row["p95_ms"] <= KNEE_MS), default=0)}


async def refusals(bench: Bench, streams: int) -> Facts:
    """The server takes ``streams`` and no more."""
    speaking = asyncio.create_task(crowd(bench.client, bench.clips, streams, takes=4))
    await asyncio.sleep(1.5 * CLIP_SECONDS)
    times = []
    for _ in range(REFUSALS):
        started = time.monotonic()
        if await speak(bench.client, bench.clips[0]) is None:
            times.append(time.monotonic() - started)
    took = await speaking
    return {"refused": f"{len(times)} of {REFUSALS}", "refused_p95_ms": p95_ms(times), "others_p95_ms": p95_ms(took)}


async def honest(bench: Bench) -> float:
    """The 95th percentile in milliseconds of asking with a whole recording."""
    times = []
    for _ in range(HONEST_ROUNDS):
        started = time.monotonic()
        await bench.client.identify(bench.recordings[0])
        times.append(time.monotonic() - started)
    return p95_ms(times)


async def stalled(bench: Bench, count: int) -> Facts:
    sockets, alone = Stalled(bench.url, count), await honest(bench)
    await sockets.begin()
    beside = await honest(bench)
    cut, seconds = await sockets.cut()
    return {
        "honest_p95_ms": alone,
        "beside_stalled": beside / alone,
        "cut": f"{cut} of {count}",
        "cut_after_s": seconds,
    }


async def soak(bench: Bench, streams: int, minutes: float) -> Facts:
    """Thirds are compared: the last with the first."""
    speaking = asyncio.create_task(keep_speaking(bench.client, bench.clips, streams, 60 * minutes))
    looks = []
    while not speaking.done():
        looks.append((memory_mib(bench.pid), open_files(bench.pid)))
        await asyncio.wait([speaking], timeout=SAMPLE_SECONDS)
    answers = speaking.result()
    first = p95_ms([took for at, took in answers if at < 20 * minutes])
    last = p95_ms([took for at, took in answers if at >= 40 * minutes])
    third = max(1, len(looks) // 3)
    return {
        "soak_streams": streams,
        "soak_answers": len(answers),
        "p95_ms_thirds": (first, last),
        "p95_drift": last / first - 1,
        # What the machine does beside it shows in how far these lie apart.
        "p95_ms_tenths": [
            p95_ms([took for at, took in answers if 6 * minutes * n <= at < 6 * minutes * (n + 1)]) for n in range(10)
        ],
        "memory_mib_thirds": tuple(max(mib for mib, _ in part) for part in (looks[:third], looks[-third:])),
        "open_files_thirds": tuple(max(files for _, files in part) for part in (looks[:third], looks[-third:])),
    }


def on_server(
    folder: Path, files: Sequence[Path], most: int, ask: Callable[[Bench], Coroutine[Any, Any, Facts]]
) -> Facts:
    """One question to a fresh server that takes ``most`` streams."""
    process, url = start(folder, max_streams=most)

    async def run() -> Facts:
        async with VoiceprintClient(url) as client:
            recordings = [path.read_bytes() for path in files]
            if not await client.speakers():
                await client.enroll("Somebody", recordings[:ENROLLED])
            bench = Bench(client, url, process.pid, recordings, [load(path) for path in files])
            await crowd(client, bench.clips, 1, takes=1)
            return await ask(bench)

    try:
        return asyncio.run(run())
    finally:
        end(process)


def measure(args: argparse.Namespace, folder: Path) -> Facts:
    found = on_server(folder, args.files, 2 * max(args.streams), lambda bench: knee(bench, args.streams))
    held = max(1, found["knee"])
    found |= on_server(folder, args.files, held, lambda bench: refusals(bench, held))
    if args.stalled:
        found |= on_server(folder, args.files, held, lambda bench: stalled(bench, args.stalled))
    if args.soak:
        found |= on_server(folder, args.files, held, lambda bench: soak(bench, max(1, int(0.7 * held)), args.soak))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--streams", nargs="+", type=int, default=[2, 4, 8, 16, 24, 32, 48, 64])
    parser.add_argument("--stalled", type=int, default=200)
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(args, Path(folder))
    print(json.dumps(found) if args.json else "\n".join(f"{name:20} {value}" for name, value in found.items()))
