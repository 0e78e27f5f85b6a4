"""The speaker of one utterance, asked while its audio goes to the recogniser."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from .server import AUTH_CODES, RATE, Server, ServerError, heard

__all__ = ["UNAVAILABLE", "Speaker", "Utterance"]

_LOGGER = logging.getLogger(__name__)

# Half a minute of frames, and the largest one that a server takes.
MAX_WAITING = 1024
MAX_FRAME_BYTES = 2**15


@dataclass(frozen=True, slots=True)
class Speaker:
    """The decision about an utterance, without a score. ``person``: an entity id; ``status``: as on the wire."""

    status: str
    id: str | None = None
    name: str | None = None
    band: str | None = None
    person: str | None = None


UNAVAILABLE = Speaker(status="unavailable")


class Utterance:
    """One utterance, 16 bit PCM, mono, at RATE. ``feed`` never waits: the recogniser comes first.

    ``refused``: whether the server did not take the token.
    """

    def __init__(self, server: Server) -> None:
        self.refused = False
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        self._task = asyncio.create_task(self._ask(server))

    def feed(self, pcm: bytes) -> None:
        """More audio. Where the server is too slow for it there will be no speaker."""
        try:
            for at in range(0, len(pcm), MAX_FRAME_BYTES):
                self._frames.put_nowait(pcm[at : at + MAX_FRAME_BYTES])
        except asyncio.QueueFull:
            self._task.cancel()

    def finish(self) -> None:
        """The utterance is over."""
        with suppress(asyncio.QueueFull):
            self._frames.put_nowait(b"")

    async def speaker(self, patience: float) -> Speaker:
        """The decision, UNAVAILABLE where none came within ``patience`` seconds."""
        await asyncio.wait({self._task}, timeout=patience)
        done = self._task.done() and not self._task.cancelled()
        self.cancel()
        return self._task.result() if done else UNAVAILABLE

    def cancel(self) -> None:
        """No decision is wanted any more."""
        self._task.cancel()

    async def _ask(self, server: Server) -> Speaker:
        try:
            socket = await server.connect()
            try:
                return _speaker(await self._converse(socket))
            finally:
                await socket.close()
        except ServerError as error:
            self.refused = error.code in AUTH_CODES
            _LOGGER.warning("No decision about an utterance: %s", error.code)
        except (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError, KeyError) as error:
            _LOGGER.warning("No decision about an utterance: %s", type(error).__name__)
        return UNAVAILABLE

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
        form = {"encoding": "pcm_s16le", "sample_rate": RATE}
        await socket.send_json({"type": "start", "mode": "identify", "guesses": False, **form})
        speaking = asyncio.create_task(self._speak(socket))
        try:
            return await heard(socket, "result")
        finally:
            speaking.cancel()

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(aiohttp.ClientError, OSError):  # the other side learns of it by what it hears
            while frame := await self._frames.get():
                await socket.send_bytes(frame)
            await socket.send_json({"type": "stop"})


def _speaker(result: dict[str, Any]) -> Speaker:
    """Raises TypeError, KeyError."""
    said = result["speaker"] or {"id": None, "name": None}
    return Speaker(status=str(result["status"]), id=said["id"], name=said["name"], band=result["band"])
