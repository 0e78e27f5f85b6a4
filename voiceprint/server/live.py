"""The WebSocket: frames between a connection and its Session."""

import asyncio
import time
from collections.abc import Sequence

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from voiceprint.api import messages
from voiceprint.api.messages import Error, ServerMessage
from voiceprint.api.presenters import error_message
from voiceprint.api.session import MAX_FRAME_BYTES, Session
from voiceprint.domain.caller import ANONYMOUS, Caller
from voiceprint.errors import AccessError, MessageError, VoiceprintError
from voiceprint.server.auth_middleware import caller_of_page
from voiceprint.server.context import CONTEXT, Context
from voiceprint.server.limits import StreamRateLimit
from voiceprint.service.authenticator import Authenticator

__all__ = ["close_streams", "websocket"]

HELLO_SECONDS = 10.0
IDLE_SECONDS = 300.0
# Connections that may wait for their hello, for each stream there may be.
SILENT_PER_STREAM = 8
# A reader that takes nothing for so long is cut.
SEND_SECONDS = 10.0
# After so many bytes it is checked whether more than asyncio's 64 KiB wait for the reader, and then waited.
LOOK_AFTER_BYTES = 2**14


async def websocket(request: web.Request) -> web.StreamResponse:
    """One connection, from hello to close."""
    context = request.app[CONTEXT]
    # Compression would let a small frame become a large one; PCM does not shrink anyway.
    socket = web.WebSocketResponse(
        heartbeat=30.0, max_msg_size=2 * MAX_FRAME_BYTES, compress=False, writer_limit=LOOK_AFTER_BYTES
    )
    await socket.prepare(request)
    if len(context.sockets) >= SILENT_PER_STREAM * context.settings.max_streams:
        await _end(context, socket, _too_many(context), WSCloseCode.TRY_AGAIN_LATER)
        return socket
    context.metrics.opened()
    context.sockets.add(socket)
    try:
        await _converse(context, socket, caller_of_page(request))
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    finally:
        context.sockets.discard(socket)
        context.greeted.discard(socket)
    return socket


async def close_streams(app: web.Application) -> None:
    """Close every connection, because the server stops."""
    for socket in set(app[CONTEXT].sockets):
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server is stopping")


async def _converse(context: Context, socket: web.WebSocketResponse, page: Caller | None) -> None:
    """Serve one connection.

    ``page``: the caller signed in on its page; a token in its hello comes first.
    """
    authenticator = context.authenticator
    session = Session(
        context.service,
        clock=time.monotonic,
        admit=lambda token: page if page is not None and token is None else authenticator.admit(token),
        desk=context.desk,
    )
    try:
        await _take_turns(context, socket, session)
    finally:
        session.close()


async def _take_turns(context: Context, socket: web.WebSocketResponse, session: Session) -> None:
    authenticator, patience = context.authenticator, HELLO_SECONDS
    rate_limit = StreamRateLimit(max_ahead_seconds=context.settings.max_ahead_seconds)
    while True:
        try:
            frame = await socket.receive(timeout=patience)
        except TimeoutError:
            await _end(context, socket, Error(code="idle", message=f"Nothing came for {patience:.0f} seconds."))
            return
        patience = IDLE_SECONDS
        if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return  # closed, by either side or by an error of the protocol below ours
        if socket not in context.greeted:
            # Counted from the first frame on: silent connections take no stream.
            if len(context.greeted) >= context.settings.max_streams:
                await _end(context, socket, _too_many(context), WSCloseCode.TRY_AGAIN_LATER)
                return
            context.greeted.add(socket)
        try:
            rate_limit.take(frame.data)
            said = await context.work(_react, authenticator, session, frame, time.monotonic())
            await _send(context, socket, said)
        except (MessageError, AccessError) as error:
            await _end(context, socket, error_message(error))
            return
        except VoiceprintError as error:
            await _end(context, socket, error_message(error), WSCloseCode.INTERNAL_ERROR)
            return
        except ConnectionError:
            return


def _too_many(context: Context) -> Error:
    most = context.settings.max_streams
    return Error(code="too_many_streams", message=f"All {most} streams are taken; try again later.")


def _react(
    authenticator: Authenticator, session: Session, frame: WSMessage, received_at: float
) -> Sequence[ServerMessage]:
    authenticator.refresh()
    if session.caller is not ANONYMOUS:
        authenticator.check(session.caller)  # a token may be revoked during a take
    if frame.type is WSMsgType.TEXT:
        return session.on_text(frame.data, received_at=received_at)
    return session.on_audio(frame.data, received_at=received_at)


async def _send(context: Context, socket: web.WebSocketResponse, said: Sequence[ServerMessage]) -> None:
    for message in said:
        if isinstance(message, Error):
            context.metrics.refused(message.code)
        async with asyncio.timeout(SEND_SECONDS):
            await socket.send_str(messages.encode(message))


async def _end(
    context: Context, socket: web.WebSocketResponse, error: Error, code: WSCloseCode = WSCloseCode.POLICY_VIOLATION
) -> None:
    await _send(context, socket, [error])
    await socket.close(code=code, message=error.code.encode())
