"""The AudioSocket server: a JSON object a line on standard output for each call."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from voiceprint.errors import ConfigError
from voiceprint.integrations.audiosocket import Calls
from voiceprint.integrations.calls import host_and_port, say
from voiceprint.integrations.connecting import client_of
from voiceprint.integrations.stopping import stop_signal

__all__ = ["serve_calls"]


async def serve_calls(
    listen: str, *, server: str, token: str | None, ca: Path | None, speech_seconds: float, groups: Sequence[str]
) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigError for an address that cannot be used."""
    async with client_of(server, token=token, ca=ca) as client:
        calls = Calls(client, say, speech_seconds=speech_seconds, groups=groups)
        host, port = host_and_port(listen, "tcp")
        try:
            legs = await asyncio.start_server(calls.handle, host, port)
        except OSError as error:
            raise ConfigError("cannot_listen", f"Cannot listen on {listen}: {error}.") from error
        stop = stop_signal()
        async with legs:
            print(f"ready on {listen}", flush=True)  # noqa: T201 - the line that says it is up
            await stop.wait()
