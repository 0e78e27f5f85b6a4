"""The decision about one utterance, asked of a server while its audio passes by."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import aiohttp

from voiceprint.api.messages import Progress, Result
from voiceprint.client import RefusedError, VoiceprintClient
from voiceprint.errors import MessageError

__all__ = ["Lookup"]

log = logging.getLogger(__name__)

# Frames that wait for a slow server: half a minute or more.
MAX_WAITING = 1024


class Lookup:
    """One utterance. ``feed`` never waits: the program whose audio this is comes first."""

    def __init__(
        self,
        client: VoiceprintClient,
        *,
        groups: Sequence[str] = (),
        sample_rate: int = 16_000,
        enough_seconds: float = float("inf"),
    ) -> None:
        """``sample_rate``: in Hz; ``enough_seconds``: speech after which the utterance is over by itself."""
        self._client = client
        self._groups = tuple(groups)
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        self._sample_rate = sample_rate
        self._enough_seconds = enough_seconds
        self._finished = asyncio.Event()
        self._task = asyncio.create_task(self._ask())

    @property
    def is_finished(self) -> bool:
        """Whether more audio would change nothing."""
        return self._finished.is_set()

    def feed(self, pcm: bytes) -> None:
        """More audio, 16 bit and mono. Where the server is too slow for it there will be no result."""
        if pcm and not self.is_finished:
            self._put(pcm)

    def finish(self) -> None:
        """The utterance is over."""
        if not self.is_finished:
            self._finished.set()
            self._put(b"")

    async def finished(self) -> None:
        """Wait until the utterance is over, or has failed."""
        await self._finished.wait()

    async def result(self, patience: float) -> Result | None:
        """The final result, None where none came within ``patience`` seconds or the server has failed."""
        await asyncio.wait({self._task}, timeout=patience)
        self.cancel()
        return None if not self._task.done() or self._task.cancelled() else self._task.result()

    def cancel(self) -> None:
        """No result is wanted any more."""
        self._task.cancel()

    def _put(self, pcm: bytes) -> None:
        try:
            self._frames.put_nowait(pcm)
        except asyncio.QueueFull:
            self.cancel()

    async def _ask(self) -> Result | None:
        try:
            stream = self._client.stream(self._spoken(), sample_rate=self._sample_rate, groups=self._groups or None)
            async for message in stream:
                if isinstance(message, Progress) and message.speech_seconds >= self._enough_seconds:
                    self.finish()
                if isinstance(message, Result) and message.final:
                    return message
        except (RefusedError, MessageError, aiohttp.ClientError, TimeoutError, OSError, TypeError) as error:
            log.warning("No decision about an utterance: %s", getattr(error, "code", type(error).__name__))
        finally:
            self._finished.set()
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
