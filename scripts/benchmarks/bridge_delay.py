"""The delay that the Wyoming bridge adds to a recogniser: the same utterances with and without it, interleaved.

    python scripts/benchmarks bridge_delay SPEECH_FOLDER --server URL [--utterances 20] [--upstream-seconds 0.3]

A stub recogniser answers so many seconds after the audio stops. Audio runs in real time, 3 s an utterance. The server
at URL should have speakers enrolled.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.server import AsyncEventHandler, AsyncTcpServer

from voiceprint.audio.decoding import read_file
from voiceprint.client import VoiceprintClient
from voiceprint.integrations.wyoming_bridge import BridgeOptions, bridge_factory

__all__ = ["main"]

SECONDS, CHUNK_SAMPLES, RATE = 3.0, 1024, 16_000
RECOGNISER_PORT, BRIDGE_PORT = 10398, 10399


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("speech", type=Path)
    parser.add_argument("--server", required=True)
    parser.add_argument("--utterances", type=int, default=20)
    parser.add_argument("--upstream-seconds", type=float, default=0.3)
    args = parser.parse_args()
    files = sorted(args.speech.glob("*/*"))[:: max(1, len(list(args.speech.glob("*/*"))) // args.utterances)]
    clips = [_pcm(path) for path in files[: args.utterances]]
    asyncio.run(_measure(clips, args.server, args.upstream_seconds))


def _pcm(path: Path) -> bytes:
    samples = read_file(path, max_seconds=60, max_bytes=2**24).first.samples[: int(SECONDS * RATE)]
    return np.round(samples * 32767).astype("<i2").tobytes()


async def _measure(clips: Sequence[bytes], url: str, upstream_seconds: float) -> None:
    class Recogniser(AsyncEventHandler):
        async def handle_event(self, event: Event) -> bool:
            if AudioStop.is_type(event.type):
                await asyncio.sleep(upstream_seconds)
                await self.write_event(Transcript(text="a").event())
                return False
            return True

    recogniser, bridge = AsyncTcpServer("127.0.0.1", RECOGNISER_PORT), AsyncTcpServer("127.0.0.1", BRIDGE_PORT)
    await recogniser.start(Recogniser)
    async with VoiceprintClient(url) as client:
        await bridge.start(bridge_factory(BridgeOptions(upstream=f"tcp://127.0.0.1:{RECOGNISER_PORT}"), client))
        pairs = [(await _asked(RECOGNISER_PORT, clip), await _asked(BRIDGE_PORT, clip)) for clip in clips]
        await bridge.stop()
    await recogniser.stop()
    added = [(after - before) * 1000 for (before, _), (after, _) in pairs]
    decided = [(said.context or {})["speaker"]["status"] for _, (_, said) in pairs]
    print(json.dumps({
        "upstream_s": upstream_seconds, "utterances": len(added), "added_ms_p50": round(float(np.median(added)), 1),
        "added_ms_p95": round(float(np.quantile(added, 0.95)), 1),
        "decided": len(decided) - decided.count("unavailable"),
    }))  # fmt: skip


async def _asked(port: int, audio: bytes) -> tuple[float, Transcript]:
    """Seconds from the end of the audio to the transcript, and the transcript."""
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Transcribe().event())
        await client.write_event(AudioStart(rate=RATE, width=2, channels=1).event())
        for at in range(0, len(audio), 2 * CHUNK_SAMPLES):
            await client.write_event(AudioChunk(RATE, 2, 1, audio[at : at + 2 * CHUNK_SAMPLES]).event())
            await asyncio.sleep(CHUNK_SAMPLES / RATE)
        began = time.monotonic()
        await client.write_event(AudioStop().event())
        while (event := await client.read_event()) is not None and not Transcript.is_type(event.type):
            pass
        assert event is not None
        return time.monotonic() - began, Transcript.from_event(event)
