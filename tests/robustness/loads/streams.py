"""Live streams in real time: somebody speaks, and waits for the last word."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np

from voiceprint.api.messages import Result
from voiceprint.audio.decoding import SAMPLE_RATE, read_file
from voiceprint.client import RefusedError, VoiceprintClient

__all__ = ["CLIP_SECONDS", "crowd", "keep_speaking", "load", "p95_ms", "speak"]

FRAME_SECONDS, CLIP_SECONDS, PAUSE_SECONDS = 0.1, 6.0, 1.0


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
    """The first seconds of a recording as PCM."""
    samples = read_file(path, max_seconds=600, max_bytes=2**25).first.samples[: int(CLIP_SECONDS * SAMPLE_RATE)]
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


async def crowd(client: VoiceprintClient, clips: Sequence[bytes], streams: int, *, takes: int = 3) -> list[float]:
    """So many people speak at once, one take after another, not all in step; seconds of each answer.

    A refused take counts as an answer that never came (infinity).
    """
    times: list[float] = []

    async def person(number: int) -> None:
        await asyncio.sleep(CLIP_SECONDS * number / streams)
        for take in range(takes):
            seconds = await speak(client, clips[(number + take) % len(clips)])
            times.append(float("inf") if seconds is None else seconds)

    await asyncio.gather(*(person(number) for number in range(streams)))
    return times


async def keep_speaking(
    client: VoiceprintClient, clips: Sequence[bytes], streams: int, seconds: float
) -> list[tuple[float, float]]:
    """The same for a while: when each answer came (seconds from the start), and how long it took.

    People pause for up to a second between takes. Without that whoever once waited for another one stays just behind
    them, and more and more end at the same moment.
    """
    begun, times = time.monotonic(), list[tuple[float, float]]()

    async def person(number: int) -> None:
        pauses = random.Random(number)
        await asyncio.sleep(CLIP_SECONDS * number / streams)
        while time.monotonic() - begun < seconds:
            await asyncio.sleep(PAUSE_SECONDS * pauses.random())
            took = await speak(client, clips[number % len(clips)])
            times.append((time.monotonic() - begun, float("inf") if took is None else took))

    await asyncio.gather(*(person(number) for number in range(streams)))
    return times


def p95_ms(seconds: Sequence[float]) -> float:
    """The 95th percentile in milliseconds; no number where there are none."""
    if not seconds:
        return float("nan")
    return 1e3 * float(np.percentile(seconds, 95, method="higher"))
