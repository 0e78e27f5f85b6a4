"""Run the server until it is told to stop."""

import asyncio
import signal
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from aiohttp import web

from voiceprint.config import Settings
from voiceprint.errors import ConfigError
from voiceprint.server.app import create_app
from voiceprint.service import VoiceprintService

__all__ = ["RUNNER_OPTIONS", "check_binding", "serve"]

# Compressed bodies are refused, so nothing unpacks them; an access log would hold who asked for whom.
RUNNER_OPTIONS: Mapping[str, Any] = {"auto_decompress": False, "access_log": None, "shutdown_timeout": 5.0}


def check_binding(settings: Settings) -> None:
    """Refuse to listen where strangers could reach a server that has no sign-in. Raises ConfigError."""
    if settings.behind_proxy or _is_loopback(settings.host):
        return
    raise ConfigError(
        "exposed",
        f"Listening on {settings.host} would let everybody on that network enroll, identify and delete; put a proxy "
        "with TLS and sign-in in front and say --behind-proxy, or leave --host at 127.0.0.1.",
    )


def serve(service: VoiceprintService, settings: Settings) -> None:
    """Listen, print one line when ready, stop in order at SIGINT or SIGTERM. Raises ConfigError."""
    check_binding(settings)
    asyncio.run(_serve(service, settings))


async def _serve(service: VoiceprintService, settings: Settings) -> None:
    runner = web.AppRunner(create_app(service, settings), **RUNNER_OPTIONS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(
                "cannot_listen", f"Cannot listen on {settings.host} port {settings.port}: {error.strerror or error}."
            ) from error
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        print(f"ready on {_address(runner)}", flush=True)  # noqa: T201 - the one line that says it is up
        await stop.wait()
    finally:
        await runner.cleanup()


def _address(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
