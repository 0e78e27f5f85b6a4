"""Slow readers: cut by a deadline, and before unread answers fill the memory."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakSet

from aiohttp import web

from voiceprint.server.limits import BODIES_IN_MEMORY

__all__ = ["READ_SECONDS", "SlowReaders", "cut_slow_readers"]

# As for bodies: so long, and a second for each megabyte of the answer.
READ_SECONDS = 30.0
BYTES_A_SECOND = 1e6
LOOK_SECONDS = 1.0


@dataclass(slots=True)
class _Waiting:
    """Unread bytes of one reader. ``since``: of the last addition, which made it ``most`` bytes."""

    since: float
    most: int
    left: int


class SlowReaders:
    """Finds the connections to cut. At most ``max_bytes`` may be unread in total."""

    def __init__(self, *, seconds: float, max_bytes: int) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._waiting: dict[asyncio.WriteTransport, _Waiting] = {}

    def look(self, transports: Iterable[asyncio.WriteTransport], now: float) -> list[asyncio.WriteTransport]:
        """The connections to cut. ``now``: seconds of a clock that does not jump."""
        sizes = {one: size for one in {*transports, *self._waiting} if (size := _unread(one))}
        self._waiting = {one: self._after(one, size, now) for one, size in sizes.items()}
        total, cut = sum(sizes.values()), list[asyncio.WriteTransport]()
        for one, waiting in sorted(self._waiting.items(), key=lambda item: item[1].since):
            late = now - waiting.since >= self._seconds + waiting.most / BYTES_A_SECOND
            if late or total > self._max_bytes:
                cut.append(one)
                total -= waiting.left
        return cut

    def _after(self, one: asyncio.WriteTransport, size: int, now: float) -> _Waiting:
        before = self._waiting.get(one)
        # What grew is another answer: aiohttp writes none before most of the last one was taken.
        if before is None or size > before.left:
            return _Waiting(now, size, size)
        return _Waiting(before.since, before.most, size)


async def cut_slow_readers(
    server: web.Server, spoken: "WeakSet[asyncio.Transport]", *, max_body_bytes: int, seconds: float | None = None
) -> None:
    """Cut slow readers until cancelled. ``spoken``: as for ``cut_silent``.

    Closing a connection waits without an end for its reader, and aiohttp then knows it no longer.
    """
    patience = READ_SECONDS if seconds is None else seconds
    readers = SlowReaders(seconds=patience, max_bytes=BODIES_IN_MEMORY * max_body_bytes)
    while True:
        await asyncio.sleep(min(LOOK_SECONDS, patience / 4))
        known = [one.transport for one in server.connections if one.transport is not None]
        for one in readers.look([*known, *spoken], time.monotonic()):
            one.abort()


def _unread(transport: asyncio.WriteTransport) -> int:
    """Unread bytes in memory.

    Under TLS most of them wait in the transport beneath, which asyncio does not show.
    """
    if not hasattr(transport, "_ssl_protocol"):
        return transport.get_write_buffer_size()
    if transport._ssl_protocol is None:  # aborted, and the connection beneath with it
        return 0
    beneath = getattr(transport._ssl_protocol, "_transport", None)
    return transport.get_write_buffer_size() + (0 if beneath is None else int(beneath.get_write_buffer_size()))
