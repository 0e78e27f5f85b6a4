"""Calls of an Asterisk over AudioSocket: one connection is one leg of a call, and gets one decision.

Protocol: https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/. A frame is a kind (1 byte), a length (2
bytes, big endian) and that many bytes. The id of the call comes first, then signed 16 bit audio; we send nothing back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from uuid import UUID

from voiceprint.integrations.calls import LegDecider

__all__ = ["Calls"]

log = logging.getLogger(__name__)

HANG_UP, CALL_ID = 0x00, 0x01
# Sampling rate of each kind of audio; others (keys, errors) say nothing about a voice.
RATES: Mapping[int, int] = {
    0x10: 8_000, 0x11: 12_000, 0x12: 16_000, 0x13: 24_000, 0x14: 32_000,
    0x15: 44_100, 0x16: 48_000,
}  # fmt: skip
# A leg that brings nothing for so long has ended without saying so.
SILENT_SECONDS = 30.0


class Calls(LegDecider):
    """The legs of an Asterisk."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one leg, for asyncio.start_server."""
        try:
            await self._follow(_frames(reader))
        except (EOFError, OSError, TimeoutError, ValueError) as error:
            log.info("A leg has ended: %s", type(error).__name__)
        finally:
            writer.close()

    async def _follow(self, frames: AsyncIterator[tuple[int, bytes]]) -> None:
        kind, payload = await anext(frames, (HANG_UP, b""))
        if kind != CALL_ID:
            return
        call = str(UUID(bytes=payload))
        kind, payload = await _first_audio(frames)
        lookup, deciding = self.begin(call, sample_rate=RATES[kind])
        lookup.feed(payload)
        try:
            async for other, payload in frames:
                if other == kind:
                    lookup.feed(payload)
        finally:
            lookup.finish()
            await deciding


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """Kind and payload of each frame until the call ends.

    Raises EOFError where it breaks off, TimeoutError.
    """
    while True:
        async with asyncio.timeout(SILENT_SECONDS):
            head = await reader.readexactly(3)
            payload = await reader.readexactly(int.from_bytes(head[1:]))
        if head[0] == HANG_UP:
            return
        yield head[0], payload


async def _first_audio(frames: AsyncIterator[tuple[int, bytes]]) -> tuple[int, bytes]:
    """The first frame of audio; an empty one where the leg ends before."""
    async for kind, payload in frames:
        if kind in RATES:
            return kind, payload
    return next(iter(RATES)), b""
