"""The Wyoming bridge as a server of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from wyoming.client import AsyncClient
from wyoming.server import AsyncServer

from voiceprint.errors import ConfigError
from voiceprint.integrations.connecting import client_of
from voiceprint.integrations.stopping import stop_signal
from voiceprint.integrations.wyoming_bridge import BridgeOptions, bridge_factory

__all__ = ["serve_bridge"]


async def serve_bridge(
    listen: str,
    options: BridgeOptions,
    *,
    server: str,
    token: str | None = None,
    ca: Path | None = None,
    announce: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigError for an address that cannot be used or announced."""
    try:
        bridge = AsyncServer.from_uri(listen)
        AsyncClient.from_uri(options.upstream)
    except ValueError as error:
        raise ConfigError("bad_address", f"The address cannot be used: {error}.") from error
    async with client_of(server, token=token, ca=ca) as client:
        try:
            await bridge.start(bridge_factory(options, client))
        except OSError as error:
            raise ConfigError("cannot_listen", f"Cannot listen on {listen}: {error.strerror or error}.") from error
        stop = stop_signal()
        try:
            async with _announcement(listen, announce=announce):
                print(f"ready on {listen}, before {options.upstream}", flush=True)  # noqa: T201 - the line that says it is up
                await stop.wait()
        finally:
            await bridge.stop()


@asynccontextmanager
async def _announcement(listen: str, *, announce: bool) -> AsyncIterator[None]:
    """Raises ConfigError."""
    if not announce:
        yield
        return
    from voiceprint.integrations.announcement import announced

    address = urlsplit(listen)
    if address.scheme != "tcp":
        raise ConfigError("bad_address", "Only a tcp:// address can be announced.")
    try:
        context = announced(address.hostname or "", address.port or 0)
        await context.__aenter__()
    except (OSError, ValueError) as error:
        raise ConfigError("cannot_announce", f"The bridge cannot be announced: {error}. Say --no-announce.") from error
    try:
        yield
    finally:
        await context.__aexit__(None, None, None)
