"""Shared objects of the handlers: service, desk, metrics, and the threads for their work."""

import asyncio
import os
import time
from collections.abc import Callable, Collection
from contextvars import ContextVar
from typing import ParamSpec, TypeVar
from weakref import WeakSet

from aiohttp import web

from voiceprint.api.desk import Desk
from voiceprint.api.recording_desk import RecordingDesk
from voiceprint.config import Settings
from voiceprint.server.fair_pool import FairPool
from voiceprint.server.limits import AnonymousPace, Uploads
from voiceprint.server.metrics import Metrics
from voiceprint.server.oidc_settings import load_oidc
from voiceprint.server.recording_runner import RecordingRunner
from voiceprint.server.sockets import Sockets, StreamPlaces
from voiceprint.server.webhook import Webhook
from voiceprint.service.service import VoiceprintService

__all__ = ["CONTEXT", "HOLDER", "RECORDING", "Context"]

# Connections that may be open, silent ones included, for each take there may be at once.
SOCKETS_A_STREAM = 8

# The token whose work this is, None for no token; and whether it is on a whole recording, which can take seconds.
HOLDER: ContextVar[str | None] = ContextVar("holder", default=None)
RECORDING: ContextVar[bool] = ContextVar("recording", default=False)
# Decoders wait for their child processes, which run at a lower priority: one for each token at once.
DECODERS = 4

P = ParamSpec("P")
T = TypeVar("T")


class Context:
    """One a server.

    ``work`` runs what needs the encoder, ``wait`` what waits for a child process or the disk.
    """

    def __init__(self, service: VoiceprintService, settings: Settings, *, names: Collection[str]) -> None:
        """``names``: the host names that are ours."""
        self.service = service
        self.settings = settings
        self.names = frozenset(name.lower() for name in names)
        self.oidc = load_oidc(settings.oidc)
        self.authenticator = service.authenticator(self.oidc.people if self.oidc else ())
        self.webhook = Webhook(service, settings)
        self.desk = Desk(service, clock=time.monotonic, tell=self.webhook.tell)
        self.recordings = RecordingDesk(self.desk, service)
        self.runner = RecordingRunner(
            self.work, max_seconds=settings.max_recording_seconds, tell=self.webhook.tell_ended
        )
        self.sockets = Sockets(SOCKETS_A_STREAM * settings.max_streams)
        self.places = StreamPlaces(settings.max_streams)
        self.pace = AnonymousPace()
        self.uploads = Uploads(max_working=settings.max_uploads, max_body_bytes=settings.max_upload_bytes)
        self.spoken: WeakSet[asyncio.Transport] = WeakSet()  # connections that brought a whole request head
        self.busy: WeakSet[asyncio.Transport] = WeakSet()  # those with a request or a stream of an admitted caller
        self.metrics = Metrics(
            service.statistics, speakers=lambda: service.gallery_sizes[0], streams=lambda: len(self.sockets)
        )
        # An exported encoder uses one core a call. torch uses all of them: a second thread would make both slower.
        cores = len(os.sched_getaffinity(0)) if service.encoder.runtime == "onnx" else 1
        self._encoding = FairPool(cores, name="voiceprint-encode")
        self._decoding = FairPool(DECODERS, name="voiceprint-decode")

    async def work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.metrics.queued() as begin:

            def run() -> T:
                begin()
                return function(*args, **kwargs)

            # The recordings of one token leave a thread to all others.
            return await _submitted(self._encoding, run, share=self._encoding.threads - 1)

    async def wait(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _submitted(self._decoding, lambda: function(*args, **kwargs), share=1)

    def close(self) -> None:
        self._decoding.shutdown()
        self._encoding.shutdown()


async def _submitted(pool: FairPool, function: Callable[[], T], *, share: int) -> T:
    holder, recording = HOLDER.get(), RECORDING.get()
    bounded = share if recording and holder is not None else None
    found: T = await asyncio.wrap_future(pool.submit((holder, recording), function, share=bounded))
    return found


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
