"""Connections that begin something and do not go on."""

import asyncio
import time
from urllib.parse import urlsplit

__all__ = ["Stalled"]

# The longest deadline of what is begun here (docs/limits.md), and a little.
PATIENCE_SECONDS = 100.0


class Stalled:
    """Half a request line, half a body, nothing after the upgrade: in turn, ``count`` of them."""

    def __init__(self, url: str, count: int) -> None:
        self._place = urlsplit(url)
        self._count = count
        self._open: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def begin(self) -> None:
        host = f"{self._place.hostname}:{self._place.port}"
        begun = (
            "GET / HT",
            f"POST /v1/identify HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\nRIFF",
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        for number in range(self._count):
            reader, writer = await asyncio.open_connection(self._place.hostname, self._place.port)
            writer.write(begun[number % len(begun)].encode())
            self._open.append((time.monotonic(), reader, writer))

    async def cut(self) -> tuple[int, float]:
        """How many the server cut, and after how many seconds the last of them."""
        ends = await asyncio.gather(*(self._end(*connection) for connection in self._open))
        seconds = [end for end in ends if end is not None]
        return len(seconds), max(seconds, default=0.0)

    async def _end(self, since: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float | None:
        try:
            await asyncio.wait_for(reader.read(-1), PATIENCE_SECONDS)
        except TimeoutError:
            return None
        except ConnectionError:
            pass
        finally:
            writer.close()
        return time.monotonic() - since
