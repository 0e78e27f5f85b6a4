"""The decision about one utterance, asked of a server while its audio passes by."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import aiohttp

from voiceprint.api.messages import Result
from voiceprint.client import RefusedError, VoiceprintClient
from voiceprint.errors import MessageError

__all__ = ["Lookup"]

log = logging.getLogger(__name__)

# Frames that wait for a slow server: half a minute or more.
MAX_WAITING = 1024


class Lookup:
    """One utterance. ``feed`` never waits: the program whose audio this is comes first."""

    def __init__(self, client: VoiceprintClient, *, groups: Sequence[str] = ()) -> None:
        self._client = client
        self._groups = tuple(groups)
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        self._guess: Result | None = None
        self._task = asyncio.create_task(self._ask())

    @property
    def guess(self) -> Result | None:
        """The newest result so far, final or not."""
        return self._guess

    def feed(self, pcm: bytes) -> None:
        """More audio: 16 bit, mono, 16 kHz. Where the server is too slow for it there will be no result."""
        try:
            self._frames.put_nowait(pcm)
        except asyncio.QueueFull:
            self.cancel()

    def finish(self) -> None:
        """The utterance is over."""
        self.feed(b"")

    async def result(self, patience: float) -> Result | None:
        """The final result, None where none came within ``patience`` seconds or the server has failed."""
        await asyncio.wait({self._task}, timeout=patience)
        self.cancel()
        return None if not self._task.done() or self._task.cancelled() else self._task.result()

    def cancel(self) -> None:
        """No result is wanted any more."""
        self._task.cancel()

    async def _ask(self) -> Result | None:
        try:
            async for message in self._client.stream(self._spoken(), groups=self._groups or None):
                if isinstance(message, Result):
                    self._guess = message
                    if message.final:
                        return message
        except (RefusedError, MessageError, aiohttp.ClientError, TimeoutError, OSError, TypeError) as error:
            log.warning("No decision about an utterance: %s", getattr(error, "code", type(error).__name__))
        return None

    async def _spoken(self) -> AsyncIterator[bytes]:
        """The audio as it comes, what waits joined to one frame."""
        while frame := await self._frames.get():
            with suppress(asyncio.QueueEmpty):
                while len(frame) < 2**14 and (more := self._frames.get_nowait()):
                    frame += more
                if len(frame) < 2**14:
                    yield frame
                    return
            yield frame
