"""A WebSocket that counts everything that its client sends: bytes, and frames of every kind.

aiohttp skips control frames without a pause, starts its timeout anew at each of them, and never shows the fragments of
a message. So bytes are counted before they are parsed, control frames when they are met, and a deadline is a point in
time.
"""

import asyncio
import time

from aiohttp import WSMessage, WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from voiceprint.api.session import MAX_FRAME_BYTES
from voiceprint.api.token_bucket import TokenBucket

__all__ = ["FloodError", "LiveSocket"]

# So often it is looked whether more than asyncio's 64 KiB wait for the reader, who is then waited for.
LOOK_AFTER_BYTES = 2**14
# A client that was told that it is over has so long to say so too.
CLOSE_SECONDS = 1.0
# A flooding client is not read for so long, and then cut: one that is cut at once only comes back sooner.
STALL_SECONDS = 5.0
CONTROL_FRAMES_A_SECOND, CONTROL_FRAMES_AT_ONCE = 1.0, 10.0
# Before the hello was accepted; a client may send its start and some audio right behind it.
GREETING_BYTES = 2.0**20
PCM_BYTES_A_SECOND = 32_000.0
_CONTROL = (WSMsgType.PING, WSMsgType.PONG)


class FloodError(Exception):
    """More came than any honest client sends."""


class LiveSocket(web.WebSocketResponse):
    """``bytes_ahead``: how many bytes may come ahead of real time, twice, once the hello was accepted."""

    def __init__(self, *, bytes_ahead: float) -> None:
        # Compression would let a small frame become a large one; PCM does not shrink anyway.
        super().__init__(
            heartbeat=30.0,
            timeout=CLOSE_SECONDS,
            autoping=False,
            max_msg_size=2 * MAX_FRAME_BYTES,
            compress=False,
            writer_limit=LOOK_AFTER_BYTES,
        )
        self._bytes_ahead = 2 * bytes_ahead + GREETING_BYTES
        self._bytes = TokenBucket(GREETING_BYTES, 1.0, time.monotonic)
        self._control = TokenBucket(CONTROL_FRAMES_AT_ONCE, CONTROL_FRAMES_A_SECOND, time.monotonic)
        self._flooded = False
        self._waiting_for_frame: asyncio.Timeout | None = None
        self.transport: asyncio.Transport | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """As aiohttp does it, with a parser that counts first."""
        writer = await super().prepare(request)
        protocol = request.protocol
        self.transport = request.transport
        if protocol._payload_parser is not None:
            protocol._payload_parser = _CountingParser(protocol._payload_parser, self)
        return writer

    def greeted(self) -> None:
        """The hello was accepted: audio may come."""
        self._bytes = TokenBucket(self._bytes_ahead, 2 * PCM_BYTES_A_SECOND, time.monotonic)

    async def next_frame(self, deadline: float) -> WSMessage:
        """The next frame that is no ping and no pong; ``deadline``: of the loop's time.

        Raises TimeoutError, FloodError.
        """
        while True:
            try:
                async with asyncio.timeout_at(deadline) as self._waiting_for_frame:
                    frame = await self.receive()
            except TimeoutError:
                if self._flooded:
                    raise FloodError from None
                raise
            finally:
                self._waiting_for_frame = None
            if self._flooded or (frame.type in _CONTROL and self._control.take(1.0)):
                raise FloodError
            if frame.type not in _CONTROL:
                return frame
            if frame.type is WSMsgType.PING:
                await self.pong(frame.data)
            await asyncio.sleep(0)  # others get their turn before the next one

    async def stall(self) -> None:
        """Do not read, wait, and cut the connection."""
        if self.transport is not None and self.transport.is_reading():
            self.transport.pause_reading()
        await asyncio.sleep(STALL_SECONDS)
        self.cut()

    def cut(self) -> None:
        """At once, whatever the client thinks of it."""
        if self.transport is not None:
            self.transport.abort()

    def may_come(self, count: int) -> bool:
        """Whether so many bytes more may be parsed; if not, waiting for a frame ends."""
        if not self._flooded and self._bytes.take(float(count)):
            self._flooded = True
            if self._waiting_for_frame is not None:
                self._waiting_for_frame.reschedule(asyncio.get_running_loop().time())
        return not self._flooded


class _CountingParser:
    """In place of aiohttp's parser of frames, which it calls."""

    def __init__(self, parser: object, socket: LiveSocket) -> None:
        self._parser: object = parser
        self._socket = socket

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        if not self._socket.may_come(len(data)):
            return False, b""
        fed: tuple[bool, bytes] = self._parser.feed_data(data)  # type: ignore[attr-defined]
        return fed

    def feed_eof(self) -> None:
        self._parser.feed_eof()  # type: ignore[attr-defined]
