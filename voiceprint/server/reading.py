"""Reading from connections: little at a time, and nothing more from those that send bodies in tiny pieces.

A body in chunks of one byte costs a hundred times what the same bytes cost otherwise, and aiohttp reads it whether or
not its request was refused.
"""

import asyncio

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

__all__ = ["FairHandler", "SmallReads"]

# asyncio reads up to 256 KiB, and everything else waits until they are parsed.
READ_BYTES = 8 * 1024
# aiohttp looks for more to parse after each piece of a body that was taken. Pieces are as large as a read, or a chunk.
PIECES_AT_ONCE, PIECE_BYTES = 1000, 256
STALL_SECONDS = 5.0


class FairHandler(RequestHandler):
    """aiohttp's protocol of one connection, which stops to listen where pieces are smaller than honest clients' are."""

    __slots__ = ("_pieces_left",)

    def __init__(self, server: web.Server) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **server._kwargs)
        self._pieces_left = float(PIECES_AT_ONCE)

    def data_received(self, data: bytes) -> None:
        if self._pieces_left <= 0:
            return
        self._pieces_left += len(data) / PIECE_BYTES - (not data)
        if self._pieces_left <= 0:
            self._stall()
            return
        super().data_received(data)

    def _stall(self) -> None:
        """One that is cut at once only comes back sooner."""
        if self.transport is not None:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(STALL_SECONDS, self._cut)

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class SmallReads(asyncio.BufferedProtocol):
    """Between a transport and a protocol that is to get little at a time."""

    # One for all connections: what is read into it is passed on before the next read.
    _buffer = memoryview(bytearray(READ_BYTES))

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._protocol.data_received(bytes(self._buffer[:nbytes]))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)
