"""The WebSocket: carries frames between a connection and its Session."""

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
# A reader that takes nothing for so long is gone.
SEND_SECONDS = 10.0
# So often it is looked whether more than asyncio's 64 KiB wait for the reader, who is then waited for.
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
    context.instruments.opened()
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
    """Tell everybody who is connected that the server goes."""
    for socket in set(app[CONTEXT].sockets):
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server is stopping")


async def _converse(context: Context, socket: web.WebSocketResponse, page: Caller | None) -> None:
    """``page``: who signed in on the page that the connection comes from; a token in its hello counts before that."""
    access = context.access
    session = Session(
        context.service,
        clock=time.monotonic,
        admit=lambda token: page if page is not None and token is None else access.admit(token),
        desk=context.desk,
    )
    try:
        await _take_turns(context, socket, session)
    finally:
        session.close()


async def _take_turns(context: Context, socket: web.WebSocketResponse, session: Session) -> None:
    access, patience = context.access, HELLO_SECONDS
    pace = StreamRateLimit(max_ahead_seconds=context.settings.max_ahead_seconds)
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
            # Who has not said hello is not counted: silent connections keep nobody out.
            if len(context.greeted) >= context.settings.max_streams:
                await _end(context, socket, _too_many(context), WSCloseCode.TRY_AGAIN_LATER)
                return
            context.greeted.add(socket)
        try:
            pace.take(frame.data)
            said = await context.work(_react, access, session, frame, time.monotonic())
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


def _react(access: Authenticator, session: Session, frame: WSMessage, received_at: float) -> Sequence[ServerMessage]:
    access.refresh()
    if session.caller is not ANONYMOUS:
        access.check(session.caller)  # a token may be revoked while somebody speaks
    if frame.type is WSMsgType.TEXT:
        return session.on_text(frame.data, received_at=received_at)
    return session.on_audio(frame.data, received_at=received_at)


async def _send(context: Context, socket: web.WebSocketResponse, said: Sequence[ServerMessage]) -> None:
    for message in said:
        if isinstance(message, Error):
            context.instruments.refused(message.code)
        async with asyncio.timeout(SEND_SECONDS):
            await socket.send_str(messages.encode(message))


async def _end(
    context: Context, socket: web.WebSocketResponse, error: Error, code: WSCloseCode = WSCloseCode.POLICY_VIOLATION
) -> None:
    await _send(context, socket, [error])
    await socket.close(code=code, message=error.code.encode())
