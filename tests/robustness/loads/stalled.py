"""Connections that begin something and do not go on."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Stalled"]

# The longest deadline of what is begun here (docs/limits.md), and a little.
PATIENCE_SECONDS = 100.0
KNOCK_SECONDS = 0.5
# Of the page's largest file: more than the kernels hold between the two.
ANSWERS = 400


class Stalled:
    """Half a request line, half a body, nothing after the upgrade, answers that nobody reads: in turn, ``count`` of
    them.
    """

    def __init__(self, url: str, count: int) -> None:
        self._place = urlsplit(url)
        self._count = count
        self._open: list[tuple[float, Coroutine[Any, Any, None], asyncio.StreamWriter]] = []

    async def begin(self) -> None:
        host = f"{self._place.hostname}:{self._place.port}"
        begun = (
            "GET / HT",
            f"POST /v1/identify HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\nRIFF",
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            f"GET /style.css HTTP/1.1\r\nHost: {host}\r\n\r\n" * ANSWERS,
        )
        for number in range(self._count):
            reader, writer = await asyncio.open_connection(self._place.hostname, self._place.port, limit=1024)
            writer.write(begun[number % len(begun)].encode())
            wait = _refused if number % len(begun) == len(begun) - 1 else _ended
            self._open.append((time.monotonic(), wait(reader, writer), writer))

    async def cut(self) -> tuple[int, float]:
        """How many the server cut, and after how many seconds the last of them."""
        ends = await asyncio.gather(*(self._end(*connection) for connection in self._open))
        seconds = [end for end in ends if end is not None]
        return len(seconds), max(seconds, default=0.0)

    async def _end(self, since: float, cut: Coroutine[Any, Any, None], writer: asyncio.StreamWriter) -> float | None:
        try:
            await asyncio.wait_for(cut, PATIENCE_SECONDS)
        except TimeoutError:
            return None
        except ConnectionError:
            pass
        finally:
            writer.close()
        return time.monotonic() - since


async def _ended(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def _refused(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Without reading, which would be the end of a reader that stalls: a connection that was cut takes nothing more."""
    while not writer.is_closing():
        await asyncio.sleep(KNOCK_SECONDS)
        writer.write(b"x")
