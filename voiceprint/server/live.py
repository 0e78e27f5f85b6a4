"""The WebSocket: frames between a connection and its Session."""

import asyncio
import time
from collections.abc import Collection, Sequence
from contextvars import copy_context

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from voiceprint.api import messages
from voiceprint.api.messages import Error, ServerMessage
from voiceprint.api.presenters import error_message
from voiceprint.api.recording_job import Job
from voiceprint.api.room import OpenRoom
from voiceprint.api.session import Session
from voiceprint.audio.live_recording import LiveRecording
from voiceprint.domain.caller import ANONYMOUS, Caller
from voiceprint.errors import AccessError, MessageError, VoiceprintError
from voiceprint.server.auth_middleware import admitted, caller_of_page
from voiceprint.server.context import CONTEXT, HOLDER, RECORDING, Context
from voiceprint.server.limits import StreamRateLimit
from voiceprint.server.live_socket import PCM_BYTES_A_SECOND, FloodError, LiveSocket

__all__ = ["close_streams", "websocket"]

# To the hello; between frames of a take, which holds a place; between frames of a connection that holds none.
HELLO_SECONDS, TAKE_SECONDS, IDLE_SECONDS = 10.0, 10.0, 300.0
# A reader that takes nothing for so long is gone.
SEND_SECONDS = 10.0


async def websocket(request: web.Request) -> web.StreamResponse:
    """One connection, from hello to close."""
    context = request.app[CONTEXT]
    socket = LiveSocket(bytes_ahead=context.settings.max_ahead_seconds * PCM_BYTES_A_SECOND)
    await socket.prepare(request)
    if socket.transport is not None:
        context.busy.discard(socket.transport)  # not before its hello was accepted
    with context.sockets.admitted(socket) as room:
        if not room:
            await _end(context, socket, _too_many(), WSCloseCode.TRY_AGAIN_LATER)
            return socket
        context.metrics.opened()
        try:
            await _converse(context, socket, request)
        except FloodError:
            context.metrics.refused("flood")
            context.sockets.forget(socket)
            await socket.stall()
        except TimeoutError:  # of a reader that takes nothing
            socket.cut()
        except ConnectionError:
            pass
    return socket


async def close_streams(app: web.Application) -> None:
    """Tell all connected clients that the server stops."""
    for socket in app[CONTEXT].sockets:
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server is stopping")


async def _converse(context: Context, socket: LiveSocket, request: web.Request) -> None:
    """A token in the hello counts before who signed in on the page that the connection comes from."""
    page = caller_of_page(request)
    session = Session(
        context.service,
        clock=time.monotonic,
        admit=lambda token: page if page is not None and token is None else admitted(request, token),
        desk=context.desk,
        places=context.places,
        open_room=_rooms(context),
    )
    try:
        error, code = await _take_turns(context, socket, session)
    finally:
        # The place is given back before the closing handshake, which may take its time.
        session.close()
        context.sockets.forget(socket)
        if socket.transport is not None:
            context.busy.discard(socket.transport)
    if error is not None:
        await _end(context, socket, error, code)


def _rooms(context: Context) -> OpenRoom:
    """What opens rooms, from any thread: their jobs are at work beside all others."""
    loop = asyncio.get_running_loop()

    def open_room(caller: Caller, sound: LiveRecording, groups: Collection[str] | None) -> Job:
        job = context.recordings.open_room(caller, groups=groups)

        def listen() -> None:
            HOLDER.set(caller.token_id)
            RECORDING.set(True)
            context.runner.listen(job, sound)

        loop.call_soon_threadsafe(listen, context=copy_context())
        return job

    return open_room


async def _take_turns(context: Context, socket: LiveSocket, session: Session) -> tuple[Error | None, WSCloseCode]:
    """Until the connection is over: what is to be said at its end, if anything."""
    now, pace = asyncio.get_running_loop().time, StreamRateLimit(max_ahead_seconds=context.settings.max_ahead_seconds)
    patience = HELLO_SECONDS
    while True:
        try:
            frame = await socket.next_frame(now() + patience)
        except TimeoutError:
            return Error(code="idle", message=f"Nothing came for {patience:.0f} seconds."), WSCloseCode.POLICY_VIOLATION
        if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return None, WSCloseCode.OK  # closed, by either side or by an error of the protocol below ours
        try:
            pace.take(frame.data, session.bytes_a_second)
            said = await context.work(_react, context, session, frame, time.monotonic())
        except VoiceprintError as error:
            return error_message(error), _close_code(error)
        if session.caller is not ANONYMOUS and patience == HELLO_SECONDS:
            socket.greeted()
            HOLDER.set(session.caller.token_id)
            if socket.transport is not None:
                context.busy.add(socket.transport)
        context.sockets.greeted(socket, session.caller.token_id, taking=session.taking)
        patience = TAKE_SECONDS if session.taking else IDLE_SECONDS
        await _send(context, socket, said)


def _close_code(error: VoiceprintError) -> WSCloseCode:
    if error.code == "too_many_streams":
        return WSCloseCode.TRY_AGAIN_LATER
    protocol = isinstance(error, MessageError | AccessError)
    return WSCloseCode.POLICY_VIOLATION if protocol else WSCloseCode.INTERNAL_ERROR


def _too_many() -> Error:
    return Error(code="too_many_streams", message="All connections are taken; try again later.")


def _react(context: Context, session: Session, frame: WSMessage, received_at: float) -> Sequence[ServerMessage]:
    context.authenticator.refresh()
    if session.caller is not ANONYMOUS:
        context.authenticator.check(session.caller)  # a token may be revoked during a take
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
