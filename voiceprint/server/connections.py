"""TCP connections: how many there may be, in all and of one address, and which of them make room for another one."""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from voiceprint.server.reading import FairHandler, SmallReads

__all__ = ["Doorkeeper"]

Transports = WeakSet[asyncio.Transport]
# Of all that there may be, so that looking for them costs each new one little.
SHED_SHARE = 8
HANDSHAKE_SECONDS = 20
# Connections, after which it is looked which of them are closed.
LOOK_AFTER = 64


class Doorkeeper:
    """The protocol factory of a listening socket, which counts connections from their first moment on.

    TLS begins here, not in asyncio's server: that one shows a connection only after its handshake, and a client that
    never shakes hands would be counted nowhere.

    Beyond ``most`` connections the oldest idle ones of the address that has most of them are cut, beyond
    ``most_an_address`` those of that address: first those that never brought a request, so that a client who keeps its
    connection for the next request is the last to lose it. Where none is idle the new one is cut.
    """

    def __init__(
        self,
        server: web.Server,
        spoken: Transports,
        busy: Transports,
        *,
        most: int,
        most_an_address: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``spoken``: those that brought a whole request head; ``busy``: those with a request of an admitted caller."""
        self._server, self._tls = server, tls
        self._spoken, self._busy = spoken, busy
        self._most, self._most_an_address = most, most_an_address
        self._opened: dict[asyncio.Transport, RequestHandler] = {}  # oldest first; closed ones stay for a while
        self._counts: Counter[str] = Counter()
        self._look_at = LOOK_AFTER

    def __call__(self) -> asyncio.Protocol:
        return _Entrance(self._enter)

    def _enter(self, transport: asyncio.Transport) -> None:
        address = _address(transport)
        if len(self._opened) >= self._look_at or not self._has_room(address):
            self._forget_closed()
            if not self._has_room(address) and not self._shed(address):
                transport.abort()
                return
        handler = FairHandler(self._server)
        self._opened[transport] = handler
        self._counts[address] += 1
        reader = SmallReads(handler)
        protocol = reader if self._tls is None else _with_tls(reader, self._tls)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)

    def _has_room(self, address: str) -> bool:
        return len(self._opened) < self._most and self._counts[address] < self._most_an_address

    def _forget_closed(self) -> None:
        self._opened = {one: handler for one, handler in self._opened.items() if not one.is_closing()}
        self._counts = Counter(map(_address, self._opened))
        self._look_at = 2 * len(self._opened) + LOOK_AFTER

    def _shed(self, address: str) -> int:
        """How many were cut: of this address alone if it has too many."""
        crowded = self._counts[address] >= self._most_an_address
        most = self._most_an_address if crowded else self._most
        idle = [one for one, handler in self._opened.items() if handler.transport not in self._busy]
        idle = [one for one in idle if not crowded or _address(one) == address]
        counts = Counter(map(_address, idle))
        # Stable: the oldest come first among those that are alike.
        idle.sort(key=lambda one: (-counts[_address(one)], self._opened[one].transport in self._spoken))
        cut = idle[: max(1, most // SHED_SHARE)]
        for one in cut:
            one.abort()
        self._forget_closed()
        return len(cut)


class _Entrance(asyncio.Protocol):
    """What a new connection has until it is known where it comes from."""

    def __init__(self, enter: Callable[[asyncio.Transport], None]) -> None:
        self._enter = enter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._enter(transport)


def _with_tls(reader: SmallReads, context: ssl.SSLContext) -> asyncio.BaseProtocol:
    nothing: Any = None  # nothing waits for the end of the handshake
    loop = asyncio.get_running_loop()
    return SSLProtocol(loop, reader, context, nothing, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS)


def _address(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""
