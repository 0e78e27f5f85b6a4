"""What small files and bodies that unfold into something huge do to a server: its refusals, and its peak memory.

    python tests/robustness bomb RECORDING [--json]

A server of its own is asked with an honest recording first: what it and its decoder then take together at most is the
measure. Then come hours of silence in a FLAC of four megabytes, compressed bodies, and frames that a client
compresses. Each must be refused in one sentence, with at most 64 MiB more.
"""

import argparse
import asyncio
import gzip
import io
import json
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import av
import numpy as np

from robustness.loads.serving import children, end, memory_mib, start

HOURS, RATE, MOST_MIB, LOOK_SECONDS = 6, 8_000, 64.0, 0.005
UNFOLDED = 256 * 2**20


@dataclass(slots=True)
class Bomb:
    """A request, and how it ended."""

    name: str
    body: bytes
    headers: dict[str, str]
    status: int = 0
    said: str = ""
    peak_mib: float = 0.0


def silence(hours: float) -> bytes:
    """FLAC: every frame of it is a handful of bytes."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096 * 16), np.int16), "s16", "mono")
        frame.rate = RATE
        for _ in range(int(hours * 3600 * RATE / frame.samples)):
            frame.pts = None
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def bombs(recording: bytes) -> list[Bomb]:
    zeros = bytes(UNFOLDED)
    deflated = zlib.compress(zeros, 9)
    return [
        Bomb("a recording", recording, {}),
        Bomb(f"{HOURS} h of FLAC", silence(HOURS), {}),
        Bomb("gzip", gzip.compress(zeros, 9), {"Content-Encoding": "gzip"}),
        Bomb("deflate", deflated, {"Content-Encoding": "deflate"}),
        Bomb("a false length", recording[:1000], {"Content-Length": str(2**40)}),
    ]


async def ask(http: aiohttp.ClientSession, url: str, bomb: Bomb) -> None:
    async with http.post(f"{url}/v1/identify", data=bomb.body, headers=bomb.headers, compress=None) as response:
        bomb.status = response.status
        answer = await response.json()
        bomb.said = answer["error"]["message"] if "error" in answer else answer["status"]


async def frames(http: aiohttp.ClientSession, url: str) -> str:
    """What a client gets that wishes for compressed frames: none are agreed to."""
    async with http.ws_connect(f"{url}/ws", compress=15) as socket:
        return "agreed" if socket.compress else "not agreed"


async def watch(pid: int, bomb: Bomb) -> None:
    """The peak of the server and its decoders together."""
    while True:
        bomb.peak_mib = max(bomb.peak_mib, memory_mib(pid) + sum(memory_mib(child) for child in children(pid)))
        await asyncio.sleep(LOOK_SECONDS)


async def run(url: str, pid: int, recording: bytes) -> dict[str, object]:
    made = bombs(recording)
    async with aiohttp.ClientSession() as http:
        await ask(http, url, Bomb("to warm up", recording, {}))
        for bomb in made:
            watching = asyncio.create_task(watch(pid, bomb))
            await ask(http, url, bomb)
            watching.cancel()
        compressed = await frames(http, url)
    usual = made[0].peak_mib
    return {
        "usual_mib": usual,
        "compressed_frames": compressed,
        "bombs": [
            {"name": b.name, "bytes": len(b.body), "status": b.status, "said": b.said, "more_mib": b.peak_mib - usual}
            for b in made[1:]
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(Path(folder))
        found = asyncio.run(run(url, process.pid, args.recording.read_bytes()))
        end(process)
    print(json.dumps(found) if args.json else "\n".join(f"{name:18} {value}" for name, value in found.items()))
    told = found["bombs"]
    assert isinstance(told, list)
    raise SystemExit(0 if all(b["status"] >= 400 and b["more_mib"] <= MOST_MIB for b in told) else 1)
