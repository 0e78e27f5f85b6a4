"""Run the server until it is told to stop."""

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from aiohttp import web

from voiceprint.config import Settings
from voiceprint.errors import ConfigError
from voiceprint.hardening import allow_open_files
from voiceprint.server.app import create_app
from voiceprint.server.background import in_background
from voiceprint.server.connections import Doorkeeper
from voiceprint.server.context import CONTEXT, Context
from voiceprint.server.limits import cut_silent
from voiceprint.server.middleware import LOOPBACK_NAMES
from voiceprint.server.slow_readers import cut_slow_readers
from voiceprint.server.tls import Identity, load_identity, machine_names, main_address
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.sealing.key_sources import default_key_file, find_key_source

__all__ = ["RUNNER_OPTIONS", "check_binding", "host_to_show", "serve"]

# Compressed bodies are refused, so nothing unpacks them; an access log would hold ids of callers and speakers.
RUNNER_OPTIONS: Mapping[str, Any] = {
    "auto_decompress": False,
    "access_log": None,
    "shutdown_timeout": 5.0,
    "keepalive_timeout": 75.0,
}
ACCEPTED_AT_ONCE, WAITING_CONNECTIONS = 64, 1024
# Descriptors that are no connections: the store, models, pipes of decoders.
OTHER_FILES = 256


def check_binding(settings: Settings) -> None:
    """Refuse to listen in clear beyond this machine. Raises ConfigError."""
    if settings.behind_proxy or settings.lan or settings.tls_cert is not None or _is_loopback(settings.address):
        return
    raise ConfigError(
        "exposed",
        f"Listening on {settings.address} would let everybody on that network listen in: say --lan for a certificate "
        "of our own, or --tls-cert and --tls-key, or put a proxy with TLS in front and say --behind-proxy.",
    )


def serve(service: VoiceprintService, settings: Settings) -> None:
    """Listen, print one line when ready, stop in order at SIGINT or SIGTERM.

    Raises ConfigError, StoreError.
    """
    check_binding(settings)
    guarded = settings.behind_proxy or settings.oidc is not None or service.has_tokens()
    if not guarded and not _is_loopback(settings.address):
        raise ConfigError(
            "exposed",
            f"Listening on {settings.address} without a token would let everybody on that network enroll, identify and "
            "delete: make one first with 'voiceprint token add NAME --scope operate'.",
        )
    beside = find_key_source(settings.key, settings.old_key).path or default_key_file(os.environ)
    asyncio.run(_serve(service, settings, load_identity(settings, beside.parent)))


async def _serve(service: VoiceprintService, settings: Settings, identity: Identity | None) -> None:
    names = LOOPBACK_NAMES if identity is None else identity.names | machine_names()
    app = create_app(service, settings, names=names)
    runner = web.AppRunner(app, **RUNNER_OPTIONS)
    await runner.setup()
    try:
        listening = await _listen(runner, app[CONTEXT], identity)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        _say_ready(listening, identity)
        await _until(stop, runner, app)
        listening.close()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, context: Context, identity: Identity | None) -> asyncio.Server:
    """A listening server whose connections make room for each other. Raises ConfigError (``cannot_listen``)."""
    settings, server = context.settings, runner.server
    assert server is not None  # set up by the caller
    most = min(settings.max_connections, allow_open_files() - OTHER_FILES)
    door = Doorkeeper(
        server,
        context.spoken,
        context.busy,
        most=most,
        # Behind a proxy all come from its address.
        most_an_address=most if settings.behind_proxy else settings.max_connections_per_address,
        tls=identity.context if identity is not None else None,
    )
    try:
        listening = await asyncio.get_running_loop().create_server(
            door, settings.address, settings.port, backlog=ACCEPTED_AT_ONCE
        )
    except OSError as error:
        raise ConfigError(
            "cannot_listen", f"Cannot listen on {settings.address} port {settings.port}: {error.strerror or error}."
        ) from error
    # asyncio takes up to ``backlog`` connections before it does anything else; the kernel may let more of them wait.
    for one in listening.sockets:
        with socket.socket(fileno=os.dup(one.fileno())) as same:
            same.listen(WAITING_CONNECTIONS)
    return listening


async def _until(stop: asyncio.Event, runner: web.AppRunner, app: web.Application) -> None:
    server = runner.server
    assert server is not None  # set up above
    spoken, max_body_bytes = app[CONTEXT].spoken, app[CONTEXT].settings.max_upload_bytes
    cutting_silent = in_background(cut_silent(server, spoken))
    cutting_slow = in_background(cut_slow_readers(server, spoken, max_body_bytes=max_body_bytes))
    async with cutting_silent, cutting_slow:
        await stop.wait()


def _say_ready(listening: asyncio.Server, identity: Identity | None) -> None:
    bound, port = listening.sockets[0].getsockname()[:2]
    host = host_to_show(bound)
    shown = f"[{host}]" if ":" in host else host
    if identity is not None:
        print(f"certificate SHA-256 {identity.fingerprint}", flush=True)  # noqa: T201 - to compare on a phone, once
    scheme = "http" if identity is None else "https"
    print(f"ready on {scheme}://{shown}:{port}", flush=True)  # noqa: T201 - the one line that says it is up


def host_to_show(bound: str) -> str:
    """The address to print for a bound one, covered by a certificate of our own.

    Without a network that is this machine alone.
    """
    address = ip_address(bound)
    if not address.is_unspecified:
        return bound
    return main_address() or ("127.0.0.1" if address.version == 4 else "::1")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
