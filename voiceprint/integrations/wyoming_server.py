"""The Wyoming bridge as a server of its own."""

import ssl
from pathlib import Path

from wyoming.client import AsyncClient
from wyoming.server import AsyncServer

from voiceprint.client import VoiceprintClient
from voiceprint.errors import ConfigError
from voiceprint.integrations.stopping import told_to_stop
from voiceprint.integrations.wyoming_bridge import BridgeOptions, bridge_factory

__all__ = ["serve_bridge"]


async def serve_bridge(
    listen: str, options: BridgeOptions, *, server: str, token: str | None = None, ca: Path | None = None
) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigError for an address that cannot be used."""
    tls = None if ca is None else ssl.create_default_context(cafile=ca)
    try:
        bridge = AsyncServer.from_uri(listen)
        AsyncClient.from_uri(options.upstream)
    except ValueError as error:
        raise ConfigError("bad_address", f"The address cannot be used: {error}.") from error
    async with VoiceprintClient(server, token=token, tls=tls) as client:
        try:
            await bridge.start(bridge_factory(options, client))
        except OSError as error:
            raise ConfigError("cannot_listen", f"Cannot listen on {listen}: {error.strerror or error}.") from error
        try:
            print(f"ready on {listen}, before {options.upstream}", flush=True)  # noqa: T201 - the line that says it is up
            await told_to_stop()
        finally:
            await bridge.stop()
