"""Shared objects of the handlers: service, desk, metrics, and the threads for their work."""

import asyncio
import os
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar
from weakref import WeakSet

from aiohttp import web

from voiceprint.api.desk import Desk
from voiceprint.config import Settings
from voiceprint.server.limits import AnonymousPace, Uploads
from voiceprint.server.metrics import Metrics
from voiceprint.server.sockets import Sockets, StreamPlaces
from voiceprint.server.webhook import Webhook
from voiceprint.service.service import VoiceprintService

__all__ = ["CONTEXT", "Context"]

# Connections that may be open, silent ones included, for each take there may be at once.
SOCKETS_A_STREAM = 8

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
        self.authenticator = service.authenticator()
        self.webhook = Webhook(service, settings)
        self.desk = Desk(service, clock=time.monotonic, tell=self.webhook.tell)
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
        self._encoding = ThreadPoolExecutor(max_workers=cores, thread_name_prefix="voiceprint-encode")
        self._decoding = ThreadPoolExecutor(max_workers=2, thread_name_prefix="voiceprint-decode")

    async def work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.metrics.queued() as begin:

            def run() -> T:
                begin()
                return function(*args, **kwargs)

            return await asyncio.get_running_loop().run_in_executor(self._encoding, run)

    async def wait(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._decoding, lambda: function(*args, **kwargs))

    def close(self) -> None:
        self._decoding.shutdown(wait=True, cancel_futures=True)
        self._encoding.shutdown(wait=True, cancel_futures=True)


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
