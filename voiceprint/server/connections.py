"""TCP connections: how many there may be, and which of them make room for another one."""

import asyncio
from collections import Counter
from weakref import WeakSet

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

__all__ = ["Doorkeeper"]

Transports = WeakSet[asyncio.Transport]
# Of all of them at once, so that looking for them costs each new one little.
SHED_SHARE = 8


class Doorkeeper:
    """The protocol factory of a listening socket. asyncio calls it for each connection before anything is read.

    Beyond ``most`` connections the oldest idle ones of the address that has most of them are cut: first those that
    never brought a request, so that a client who keeps its connection for the next request is the last to lose it.
    """

    def __init__(self, server: web.Server, spoken: Transports, busy: Transports, *, most: int) -> None:
        """``spoken``: those that brought a whole request head; ``busy``: those with a request of an admitted caller."""
        self._server = server
        self._spoken, self._busy = spoken, busy
        self._most = most

    def __call__(self) -> RequestHandler:
        if len(self._server.connections) >= self._most:
            self._shed()
        return self._server()

    def _shed(self) -> None:
        opened = [one.transport for one in self._server.connections if one.transport is not None]
        idle = [one for one in opened if one not in self._busy and not one.is_closing()]
        counts = Counter(map(_address, idle))
        # Stable: the oldest come first among those that are alike.
        idle.sort(key=lambda one: (-counts[_address(one)], one in self._spoken))
        for one in idle[: max(1, self._most // SHED_SHARE)]:
            one.abort()


def _address(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""
