"""Time from end of speech to final answer, over clips streamed in real time to a server.

    python scripts/benchmarks latency FILE... [--url http://127.0.0.1:5678] [--seconds 3] [--json]

Each clip is cut to --seconds and sent as 100 ms frames at the pace of speech, then `stop`. The time counts from the
last frame to the final result, on this side of the socket. Prints the median and the 95th percentile.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

import aiohttp
import numpy as np

from voiceprint.api import messages
from voiceprint.api.messages import Error, Hello, Result, ServerMessage, Start, Stop
from voiceprint.audio.decoding import SAMPLE_RATE, read_file

FRAME = SAMPLE_RATE // 10


async def ask(socket: aiohttp.ClientWebSocketResponse, pcm: bytes) -> tuple[float, Result]:
    """Milliseconds from the last frame of a streamed clip to the final answer, and that answer."""
    await socket.send_str(messages.encode(Start(mode="identify", encoding="pcm_s16le", sample_rate=SAMPLE_RATE)))
    begun = time.monotonic()
    for number, start in enumerate(range(0, len(pcm), 2 * FRAME)):
        await asyncio.sleep(max(0.0, begun + 0.1 * (number + 1) - time.monotonic()))
        await socket.send_bytes(pcm[start : start + 2 * FRAME])
    sent = time.monotonic()
    await socket.send_str(messages.encode(Stop()))
    while True:
        message = await receive(socket)
        if isinstance(message, Error):
            raise SystemExit(f"the server refused: {message.message}")
        if isinstance(message, Result) and message.final:
            return (time.monotonic() - sent) * 1000, message


async def receive(socket: aiohttp.ClientWebSocketResponse) -> ServerMessage:
    return messages.decode_server(await socket.receive_str())


async def run(args: argparse.Namespace) -> list[float]:
    clips = [load(path, args.seconds) for path in args.files]
    times = []
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{args.url}/ws") as socket:
        await socket.send_str(messages.encode(Hello(version=messages.PROTOCOL_VERSION)))
        await receive(socket)
        for pcm in clips:
            milliseconds, result = await ask(socket, pcm)
            times.append(milliseconds)
            print(f"{milliseconds:7.1f} ms  {result.status}", file=sys.stderr)
    return times


def load(path: Path, seconds: float) -> bytes:
    samples = read_file(path, max_seconds=600, max_bytes=2**25).first.samples[: int(seconds * SAMPLE_RATE)]
    return (samples * 32767).astype("<i2").tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--url", default="http://127.0.0.1:5678")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    times = asyncio.run(run(args))
    figures = {
        "clips": len(times),
        "seconds": args.seconds,
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(float(np.percentile(times, 95)), 1),
    }
    print(json.dumps(figures) if args.json else "  ".join(f"{name} {value}" for name, value in figures.items()))
