"""The AudioSocket server: a JSON object a line on standard output for each call."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from voiceprint.client import VoiceprintClient
from voiceprint.errors import ConfigError
from voiceprint.integrations.audiosocket import CallDecision, Calls
from voiceprint.integrations.stopping import stop_signal

__all__ = ["serve_calls"]


async def serve_calls(
    listen: str, *, server: str, token: str | None, ca: Path | None, speech_seconds: float, groups: Sequence[str]
) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigError for an address that cannot be used."""
    tls = None if ca is None else ssl.create_default_context(cafile=ca)
    async with VoiceprintClient(server, token=token, tls=tls) as client:
        calls = Calls(client, _say, speech_seconds=speech_seconds, groups=groups)
        host, port = _host_and_port(listen)
        try:
            legs = await asyncio.start_server(calls.handle, host, port)
        except OSError as error:
            raise ConfigError("cannot_listen", f"Cannot listen on {listen}: {error}.") from error
        stop = stop_signal()
        async with legs:
            print(f"ready on {listen}", flush=True)  # noqa: T201 - the line that says it is up
            await stop.wait()


def _host_and_port(listen: str) -> tuple[str, int]:
    address = urlsplit(listen)
    with suppress(ValueError):
        if address.scheme == "tcp" and address.hostname and address.port is not None:
            return address.hostname, address.port
    raise ConfigError("bad_address", f"The address {listen!r:.60} cannot be used: it must be tcp://HOST:PORT.")


def _say(decision: CallDecision) -> None:
    print(msgspec.json.encode(decision).decode(), flush=True)  # noqa: T201 - what the command is for
