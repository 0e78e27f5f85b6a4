"""Server-wide upload limits (slots, bytes in memory) and the per-connection stream limit."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakSet

from aiohttp import web

from voiceprint.api.token_bucket import TokenBucket
from voiceprint.errors import LimitError, MessageError

__all__ = [
    "SILENT_SECONDS",
    "AnonymousPace",
    "StreamRateLimit",
    "UploadSlot",
    "Uploads",
    "cut_silent",
    "give",
    "slot_of",
]

RETRY_SECONDS = 5.0
# Bodies on their way count by what they hold in memory, so that stalled ones do not keep others out.
BODIES_IN_MEMORY = 4
# Frames of 10 ms in real time are 100 a second.
FRAMES_A_SECOND = 200.0
FRAMES_AT_ONCE = 2000.0
# A page with all its files is some sixty requests.
ANONYMOUS_AT_ONCE, ANONYMOUS_A_SECOND, PACE_SECONDS = 200.0, 50.0, 0.5
MAX_ADDRESSES = 10_000
# From a connection's begin to the end of its first request's head.
SILENT_SECONDS = 20.0


class Uploads:
    """Totals over all requests.

    ``working``: recordings in work; ``held_bytes``: of bodies in memory. One token takes up half of each at most.
    """

    def __init__(self, *, max_working: int, max_body_bytes: int) -> None:
        self.max_working = max_working
        self.max_bytes = BODIES_IN_MEMORY * max_body_bytes
        self.working: Counter[str | None] = Counter()
        self.held_bytes: Counter[str | None] = Counter()

    @contextmanager
    def slot(self) -> Iterator["UploadSlot"]:
        """A slot for the time of one request."""
        slot = UploadSlot(self)
        try:
            yield slot
        finally:
            slot.leave()


class UploadSlot:
    """The share of one request. Raises LimitError (``too_many_uploads``) where all is taken."""

    def __init__(self, uploads: Uploads) -> None:
        self.holder: str | None = None  # the token, once it is known
        self._uploads = uploads
        self._held_bytes = 0
        self._working = False

    def expect(self) -> None:
        """Refuse before the body is read, so that a refusal costs the client nothing."""
        self._require(self._uploads.working, 1, self._uploads.max_working)

    def hold(self, count: int) -> None:
        """Add ``count`` bytes in memory."""
        self._require(self._uploads.held_bytes, count, self._uploads.max_bytes)
        self._uploads.held_bytes[self.holder] += count
        self._held_bytes += count

    def work(self) -> None:
        """Count the recording as in work."""
        self.expect()
        self._uploads.working[self.holder] += 1
        self._working = True

    def leave(self) -> None:
        for counts, count in ((self._uploads.held_bytes, self._held_bytes), (self._uploads.working, self._working)):
            counts[self.holder] -= count
            if not counts[self.holder]:
                del counts[self.holder]
        self._held_bytes, self._working = 0, False

    def _require(self, counts: "Counter[str | None]", count: int, most: int) -> None:
        own = counts[self.holder] + count > max(1, most // 2) if self.holder is not None else False
        if own or counts.total() + count > most:
            raise _full()


def give(request: web.Request, slot: UploadSlot) -> None:
    """Put the slot where ``slot_of`` finds it."""
    request[_SLOT] = slot


def slot_of(request: web.Request) -> UploadSlot:
    return request[_SLOT]


_SLOT: web.RequestKey[UploadSlot] = web.RequestKey("slot", UploadSlot)


class StreamRateLimit:
    """Frames a second of one connection, and its seconds of audio ahead of real time."""

    def __init__(self, *, max_ahead_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._frames = TokenBucket(FRAMES_AT_ONCE, FRAMES_A_SECOND, clock)
        self._audio = TokenBucket(max_ahead_seconds, 1.0, clock)
        self._max_ahead_seconds = max_ahead_seconds

    def take(self, frame: str | bytes, bytes_a_second: int) -> None:
        """Count a frame. ``bytes_a_second``: of its sound. Raises MessageError: ``too_many_frames``, ``too_fast``."""
        if self._frames.take(1.0):
            raise MessageError("too_many_frames", f"More than {FRAMES_A_SECOND:.0f} frames came in a second.")
        if isinstance(frame, bytes) and self._audio.take(len(frame) / bytes_a_second):
            raise MessageError(
                "too_fast",
                f"The audio runs more than {self._max_ahead_seconds:.0f} seconds ahead of real time; "
                "send recordings to /v1/identify.",
            )


class AnonymousPace:
    """How fast requests without a valid token are looked at, for each address: faster ones wait, none is refused."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    async def wait(self, address: str) -> None:
        bucket = self._buckets.setdefault(address, TokenBucket(ANONYMOUS_AT_ONCE, ANONYMOUS_A_SECOND, self._clock))
        self._buckets.move_to_end(address)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        if bucket.take(1.0):
            await asyncio.sleep(PACE_SECONDS)


async def cut_silent(
    server: web.Server, spoken: "WeakSet[asyncio.Transport]", *, seconds: float = SILENT_SECONDS
) -> None:
    """Until cancelled: close connections that brought no whole request head in ``seconds``.

    aiohttp waits for the first one without an end. ``spoken``: the transports of the connections that did.
    """
    since: dict[asyncio.WriteTransport, float] = {}
    while True:
        await asyncio.sleep(seconds / 4)
        now = time.monotonic()
        transports = [one.transport for one in server.connections if one.transport is not None]
        since = {one: since.get(one, now) for one in transports if one not in spoken}
        for one, at in since.items():
            if now - at >= seconds:
                one.abort()


def _full() -> LimitError:
    return LimitError(
        "too_many_uploads",
        f"The server has as many recordings as it can take; try again in {RETRY_SECONDS:.0f} seconds.",
        retry_seconds=RETRY_SECONDS,
    )
