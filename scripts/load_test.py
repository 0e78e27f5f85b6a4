#!/usr/bin/env python3
"""How many live streams a running server holds, and what stalled connections do to an honest client.

    load_test.py FILE... --url http://127.0.0.1:5678 [--streams 1 2 4 8 16] [--stalled 200] [--json]

Streams speak in real time, all at once, for each number of streams; the time counts from the last frame to the last
word. The knee is the largest number whose 95th percentile stays under a second. Then as many connections as --stalled
are opened that send half a request, half a body or nothing after the upgrade, and one honest client is timed with them
and without.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import numpy as np

from voiceprint.client import RefusedError, VoiceprintClient
from voiceprint.hearing.audio import SAMPLE_RATE, read_file
from voiceprint.messages import Result

FRAME_SECONDS, MOST_SECONDS, KNEE_SECONDS = 0.1, 6.0, 1.0


class Speaking:
    """A recording as frames at the pace of speech; ``ended``: when the last one went out."""

    def __init__(self, pcm: bytes) -> None:
        self._pcm = pcm
        self.ended = 0.0

    async def frames(self) -> AsyncIterator[bytes]:
        size, begun = int(FRAME_SECONDS * SAMPLE_RATE) * 2, time.monotonic()
        for number, at in enumerate(range(0, len(self._pcm), size)):
            await asyncio.sleep(max(0.0, begun + FRAME_SECONDS * (number + 1) - time.monotonic()))
            yield self._pcm[at : at + size]
        self.ended = time.monotonic()


def load(path: Path) -> bytes:
    samples = read_file(path, max_seconds=600, max_bytes=2**25).samples[: int(MOST_SECONDS * SAMPLE_RATE)]
    return (samples * 32767).astype("<i2").tobytes()


async def speak(client: VoiceprintClient, pcm: bytes) -> float | None:
    """Seconds from the last frame to the last word; None where the server refused."""
    speaking = Speaking(pcm)
    try:
        async for message in client.stream(speaking.frames()):
            if isinstance(message, Result) and message.final:
                return time.monotonic() - speaking.ended
    except RefusedError:
        return None
    return None


async def crowd(client: VoiceprintClient, clips: Sequence[bytes], streams: int) -> dict[str, float]:
    """Everybody speaks at once."""
    times = await asyncio.gather(*(speak(client, clips[number % len(clips)]) for number in range(streams)))
    told = [seconds for seconds in times if seconds is not None]
    p95 = float(np.percentile(told, 95)) if told else float("nan")
    return {"streams": streams, "refused": streams - len(told), "p95_ms": 1e3 * p95}


async def refusal(http: aiohttp.ClientSession, url: str, most: int) -> float:
    """Milliseconds to the refusal of one stream too many."""
    held = []
    try:
        for _ in range(most):
            socket = await http.ws_connect(f"{url}/ws")
            await socket.send_str('{"type":"hello","version":1}')
            held.append(socket)
            if '"error"' in await socket.receive_str():
                break
        started = time.monotonic()
        late = await http.ws_connect(f"{url}/ws")
        await late.send_str('{"type":"hello","version":1}')
        await late.receive_str()
        return 1e3 * (time.monotonic() - started)
    finally:
        for socket in held:
            await socket.close()


async def stall(url: str, count: int) -> list[asyncio.StreamWriter]:
    """Connections that began something and do not go on."""
    place = urlsplit(url)
    host = f"{place.hostname}:{place.port}"
    begun = (
        "GET / HT",
        f"POST /v1/identify HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\nRIFF",
        f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    writers = []
    for number in range(count):
        _, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(begun[number % len(begun)].encode())
        writers.append(writer)
    return writers


async def honest(client: VoiceprintClient, recording: bytes, rounds: int = 40) -> float:
    """The 95th percentile in milliseconds of asking with a whole recording."""
    times = []
    for _ in range(rounds):
        started = time.monotonic()
        await client.identify(recording)
        times.append(time.monotonic() - started)
    return 1e3 * float(np.percentile(times, 95))


async def run(args: argparse.Namespace) -> dict[str, object]:
    clips, recording = [load(path) for path in args.files], args.files[0].read_bytes()
    async with VoiceprintClient(args.url) as client, aiohttp.ClientSession() as http:
        await honest(client, recording, 3)
        rows = [await crowd(client, clips, streams) for streams in args.streams]
        good = [row["streams"] for row in rows if not row["refused"] and row["p95_ms"] < 1e3 * KNEE_SECONDS]
        refused_ms = await refusal(http, args.url, 1000)
        idle = await honest(client, recording)
        writers = await stall(args.url, args.stalled)
        stalled = await honest(client, recording)
        for writer in writers:
            writer.close()
    return {
        "rows": rows,
        "knee": max(good, default=0),
        "refused_ms": refused_ms,
        "honest_p95_ms": idle,
        "honest_p95_with_stalled_ms": stalled,
        "ratio": stalled / idle,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--url", default="http://127.0.0.1:5678")
    parser.add_argument("--streams", nargs="+", type=int, default=[1, 2, 4, 8, 16])
    parser.add_argument("--stalled", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = asyncio.run(run(args))
    print(json.dumps(found) if args.json else "\n".join(f"{name:28} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
