"""The bytes of a recording on their way from a request to its decoder, no faster than it is heard."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue

from aiohttp import StreamReader

from voiceprint.errors import InputError

__all__ = ["RecordingUpload", "pour"]

CHUNK_BYTES = 1 << 20
CHUNKS = 4
# So much must come in that time: who sends a byte now and then keeps a place from others.
STALL_SECONDS, LEAST_BYTES = 30.0, 2**14
_WAIT_SECONDS = 0.02


class RecordingUpload:
    """Put in by the event loop, taken out by the thread that feeds the decoder. ``end`` it, or ``cut`` it."""

    def __init__(self) -> None:
        self._chunks: Queue[bytes] = Queue(CHUNKS)
        self._ended = False
        self._cut = False

    @property
    def was_cut(self) -> bool:
        return self._cut

    async def put(self, chunk: bytes) -> None:
        """Wait until there is room, or it is not wanted any more."""
        while self._chunks.full() and not self._cut:
            await asyncio.sleep(_WAIT_SECONDS)
        if not self._cut:
            self._chunks.put_nowait(chunk)

    def end(self) -> None:
        self._ended = True

    def cut(self) -> None:
        """What is still to come will not come."""
        self._cut = True
        with suppress(Full):
            self._chunks.put_nowait(b"")  # wakes the thread that waits for more

    def __iter__(self) -> Iterator[bytes]:
        while not self._cut:
            ended = self._ended  # looked at first: what was put before is then there
            try:
                chunk = self._chunks.get(timeout=0.1)
            except Empty:
                if ended:
                    return
                continue
            if not self._cut:
                yield chunk


async def pour(source: StreamReader | bytes, upload: RecordingUpload, size: int, count: Callable[[int], None]) -> None:
    """Everything of a request's body, which is to have ``size`` bytes; ``count``: told how many came.

    Raises InputError: ``stalled``, ``wrong_size``.
    """
    received = 0
    async for chunk in _chunks(source):
        received += len(chunk)
        if received > size:
            break
        count(len(chunk))
        await upload.put(chunk)
        if upload.was_cut:
            return
    if received != size:
        raise InputError("wrong_size", f"{received} bytes came, where {size} were announced.")
    upload.end()


async def _chunks(source: StreamReader | bytes) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        for at in range(0, len(source), CHUNK_BYTES):
            yield source[at : at + CHUNK_BYTES]
        return
    while True:
        try:
            async with asyncio.timeout(STALL_SECONDS):
                chunk = await source.read(CHUNK_BYTES)
                while chunk and len(chunk) < LEAST_BYTES and (more := await source.read(CHUNK_BYTES)):
                    chunk += more
        except TimeoutError as error:
            raise InputError("stalled", "The body stopped coming.") from error
        if not chunk:
            return
        yield chunk
