"""The server of media streams: a JSON object a line on standard output for each leg of a call."""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
from aiohttp import WSMsgType, web

from voiceprint.errors import ConfigError
from voiceprint.integrations.calls import host_and_port, say
from voiceprint.integrations.connecting import client_of
from voiceprint.integrations.media_streams import MediaCalls
from voiceprint.integrations.stopping import stop_signal

__all__ = ["build_app", "serve_media_streams"]

log = logging.getLogger(__name__)

# A frame is 20 ms: some hundred bytes.
MAX_FRAME_BYTES = 2**16
# A call that brings nothing for so long has ended without saying so.
SILENT_SECONDS = 30.0


async def serve_media_streams(
    listen: str,
    *,
    server: str,
    token: str | None,
    ca: Path | None,
    secret: str | None,
    speech_seconds: float,
    groups: Sequence[str],
) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigError for an address that cannot be used."""
    if secret == "":
        raise ConfigError("bad_setting", "The secret of the calls is empty.")
    host, port = host_and_port(listen, "http")
    async with client_of(server, token=token, ca=ca) as client:
        calls = MediaCalls(client, say, speech_seconds=speech_seconds, groups=groups)
        runner = web.AppRunner(build_app(calls, secret), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stop = stop_signal()
        try:
            await web.TCPSite(runner, host, port).start()
            print(f"ready on {listen}", flush=True)  # noqa: T201 - the line that says it is up
            await stop.wait()
        except OSError as error:
            raise ConfigError("cannot_listen", f"Cannot listen on {listen}: {error}.") from error
        finally:
            await runner.cleanup()


def build_app(calls: MediaCalls, secret: str | None) -> web.Application:
    """An application with one route. ``secret``: the path that a company must know to be let in."""

    async def follow(request: web.Request) -> web.StreamResponse:
        given = request.match_info["secret"].encode()
        if secret is not None and not hmac.compare_digest(given, secret.encode()):
            raise web.HTTPNotFound
        socket = web.WebSocketResponse(max_msg_size=MAX_FRAME_BYTES, heartbeat=SILENT_SECONDS)
        await socket.prepare(request)
        try:
            await calls.follow(_texts(socket))
        except (ValueError, TimeoutError, msgspec.MsgspecError) as error:
            log.info("A call has ended: %s", type(error).__name__)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/{secret:.*}", follow)
    return app


async def _texts(socket: web.WebSocketResponse) -> AsyncIterator[str]:
    """The text frames until the connection ends. Raises TimeoutError, ValueError for binary ones."""
    while True:
        async with asyncio.timeout(SILENT_SECONDS):
            message = await socket.receive()
        if message.type is WSMsgType.BINARY:
            raise ValueError("Media streams are text.")
        if message.type is not WSMsgType.TEXT:
            return
        yield message.data
