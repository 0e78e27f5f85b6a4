"""The decision about one utterance, asked of a server while its audio passes by."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import aiohttp

from voiceprint.api.messages import Result
from voiceprint.client import RefusedError, VoiceprintClient
from voiceprint.errors import MessageError

__all__ = ["Lookup", "speaker_of"]

log = logging.getLogger(__name__)

# Frames that wait for a slow server: half a minute or more. Frames may be as long as a client likes.
MAX_WAITING, MAX_WAITING_BYTES = 1024, 2**22
# Frames of so long go to the server as one: each costs it a turn of its threads, whatever its length.
JOINED_SECONDS, JOINED_BYTES = 0.1, 2**14


def speaker_of(result: Result | None) -> dict[str, str | None]:
    """The speaker of a decision (id, name, status, band), and never a score; ``unavailable`` where there is none."""
    if result is None:
        return {"id": None, "name": None, "status": "unavailable", "band": None}
    speaker_id, name = (None, None) if result.speaker is None else (result.speaker.id, result.speaker.name)
    return {"id": speaker_id, "name": name, "status": result.status, "band": result.band}


class Lookup:
    """One utterance. ``feed`` never waits: the program whose audio this is comes first."""

    def __init__(
        self,
        client: VoiceprintClient,
        *,
        groups: Sequence[str] = (),
        claimed_id: str | None = None,
        encoding: str = "pcm_s16le",
        sample_rate: int = 16_000,
        enough_seconds: float | None = None,
    ) -> None:
        """``claimed_id``: of a speaker that is verified; ``encoding``, ``sample_rate``, ``enough_seconds``: as in
        Start.
        """
        self._client = client
        self._start: dict[str, Any] = {
            "mode": "identify" if claimed_id is None else "verify",
            "speaker": claimed_id,
            "encoding": encoding,
            "sample_rate": sample_rate,
            "groups": tuple(groups) or None,
            "guesses": False,
            "enough_seconds": enough_seconds,
        }
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        self._waiting_bytes = 0
        self._finished = asyncio.Event()
        self._task = asyncio.create_task(self._ask())

    @property
    def is_finished(self) -> bool:
        """Whether more audio would change nothing."""
        return self._finished.is_set()

    def feed(self, pcm: bytes) -> None:
        """More audio, mono. Where the server is too slow for it there will be no result."""
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
        self._waiting_bytes += len(pcm)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self.cancel()
            return
        try:
            self._frames.put_nowait(pcm)
        except asyncio.QueueFull:
            self.cancel()

    async def _ask(self) -> Result | None:
        try:
            async for message in self._client.stream(self._spoken(), **self._start):
                if isinstance(message, Result) and message.final:
                    return message
        except (RefusedError, MessageError, aiohttp.ClientError, TimeoutError, OSError, TypeError) as error:
            log.warning("No decision about an utterance: %s", getattr(error, "code", type(error).__name__))
        finally:
            self._finished.set()
        return None

    async def _spoken(self) -> AsyncIterator[bytes]:
        """The audio as it comes, what comes within a moment joined to one frame."""
        while frame := await self._frames.get():
            with suppress(TimeoutError):
                async with asyncio.timeout(JOINED_SECONDS):
                    await self._finished.wait()
            with suppress(asyncio.QueueEmpty):
                while len(frame) < JOINED_BYTES and (more := self._frames.get_nowait()):
                    frame += more
                if len(frame) < JOINED_BYTES:
                    yield frame
                    return
            self._waiting_bytes -= len(frame)
            yield frame
