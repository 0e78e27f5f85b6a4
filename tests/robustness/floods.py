"""Attackers without a token, each a process of its own at low priority: ``python floods.py KIND PORT SECONDS COUNT``.

Only against a server on this machine, and only for so many seconds.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["FLOODS", "attacked"]

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
_MASK = bytes(4)  # which leaves what it masks as it is
_PONG, _PING, _EMPTY_PIECE = b"\x8a\x80" + _MASK, b"\x89\x80" + _MASK, b"\x00\x80" + _MASK


def _text(said: bytes) -> bytes:
    return b"\x81" + bytes([0x80 | len(said)]) + _MASK + said


async def _socket(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_UPGRADE)
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    return reader, writer


async def _pongs(port: int) -> None:
    """Nothing but empty pong frames, as fast as they are taken."""
    _, writer = await _socket(port)
    while True:
        writer.write(_PONG * 10_000)
        await writer.drain()


async def _pieces(port: int) -> None:
    """A message that begins and never ends, in empty pieces."""
    _, writer = await _socket(port)
    writer.write(b"\x01\x80" + _MASK)
    while True:
        writer.write(_EMPTY_PIECE * 10_000)
        await writer.drain()


async def _pinging(port: int) -> None:
    """Says no hello, and a ping now and then."""
    reader, writer = await _socket(port)
    while not reader.at_eof():
        writer.write(_PING)
        await writer.drain()
        await asyncio.sleep(2)


async def _wrong_hello(port: int) -> None:
    """One wrong frame, and then deaf to the close."""
    _, writer = await _socket(port)
    writer.write(_text(b'{"type":"hello","version":99}'))
    await writer.drain()
    await asyncio.sleep(3)
    writer.transport.abort()


async def _mute(port: int) -> None:
    """A connection over which nothing comes."""
    reader, _ = await asyncio.open_connection("127.0.0.1", port)
    await reader.read()


async def _openapi(port: int) -> None:
    """The description, again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))


async def _tiny_chunks(port: int) -> None:
    """A body that nobody asked for, in chunks of one byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not reader.at_eof():
        writer.write(b"1\r\nx\r\n" * 10_000)
        await writer.drain()


FLOODS: dict[str, tuple[Callable[[int], Awaitable[None]], int]] = {
    "pong floods": (_pongs, 20),
    "floods of empty pieces": (_pieces, 20),
    "pinging silent sockets": (_pinging, 128),
    "wrong hellos that ignore the close": (_wrong_hello, 64),
    "mute connections": (_mute, 1100),
    "openapi floods": (_openapi, 20),
    "bodies in chunks of one byte": (_tiny_chunks, 20),
}


@contextmanager
def attacked(kind: str, port: int, *, seconds: float, count: int) -> Iterator[None]:
    """While the attack runs, in a process at the lowest priority."""
    command = [sys.executable, __file__, kind, str(port), str(seconds), str(count)]
    process = subprocess.Popen(command, preexec_fn=lambda: os.nice(19))
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def _again_and_again(attack: Callable[[int], Awaitable[None]], port: int, until: float) -> None:
    while time.monotonic() < until:
        with suppress(OSError, EOFError, TimeoutError, asyncio.IncompleteReadError, IndexError):
            async with asyncio.timeout(until - time.monotonic()):
                await attack(port)
        await asyncio.sleep(0.01)


async def _run(kind: str, port: int, seconds: float, count: int) -> None:
    attack, until = FLOODS[kind][0], time.monotonic() + seconds
    await asyncio.gather(*(_again_and_again(attack, port, until) for _ in range(count)))


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
    asyncio.run(_run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
