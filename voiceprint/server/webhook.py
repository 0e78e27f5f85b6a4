"""Webhook: told of final decisions and of watched speakers, best effort, after the answer."""

import asyncio
import logging
import time
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from voiceprint.api.recording_messages import JobState
from voiceprint.config import Settings
from voiceprint.server.webhook_address import PublicResolver, check_webhook_url
from voiceprint.server.webhook_events import RecordingEnded, WebhookEvent, events_of
from voiceprint.server.webhook_signing import load_secret, signed_headers
from voiceprint.service.results import Answer
from voiceprint.service.service import VoiceprintService

__all__ = ["Webhook"]

log = logging.getLogger(__name__)

# Events that wait for a slow webhook; more are dropped.
MAX_WAITING = 1000
ATTEMPT_SECONDS = 5.0
PAUSES_SECONDS = (1.0, 5.0, 25.0)
# At the end what is still waiting gets one moment more.
LAST_SECONDS = 2.0


class Webhook:
    """Events on their way.

    ``send_all`` runs while the server does; ``tell`` may be called from any thread.
    """

    def __init__(self, service: VoiceprintService, settings: Settings) -> None:
        """Raises ConfigError for an address or a secret that cannot be used."""
        self._service = service
        self._url = settings.webhook_url
        self._group = settings.webhook_group
        self._wanted = settings.webhook_types
        self._private = settings.webhook_private
        self._secret = load_secret(settings.webhook_secret_file)
        if self._url is not None:
            check_webhook_url(self._url, private=self._private)
        self._events: asyncio.Queue[WebhookEvent] = asyncio.Queue(MAX_WAITING)
        self._loop: asyncio.AbstractEventLoop | None = None

    def tell(self, answer: Answer) -> None:
        """Queue the events of a final answer; dropped where the queue is full."""
        if self._loop is None:
            return
        for event in events_of(answer, self._service, wanted=self._wanted, group=self._group):
            self._loop.call_soon_threadsafe(self._put, event)

    def tell_ended(self, recording_id: str, state: JobState) -> None:
        """Queue the event of a recording that was heard, where it is wanted."""
        if self._loop is not None and "recording" in self._wanted:
            self._loop.call_soon_threadsafe(self._put, RecordingEnded(recording_id=recording_id, state=state))

    async def send_all(self) -> None:
        """Send events until cancelled; at once done where no webhook is set."""
        if self._url is None:
            return
        self._loop = asyncio.get_running_loop()
        connector = TCPConnector(resolver=None if self._private else PublicResolver(), use_dns_cache=False)
        async with ClientSession(connector=connector, timeout=ClientTimeout(total=ATTEMPT_SECONDS)) as client:
            while True:
                event = await self._events.get()
                try:
                    await self._send(client, self._url, event)
                finally:
                    self._events.task_done()

    async def drain(self) -> None:
        """A moment for what still waits."""
        try:
            await asyncio.wait_for(self._events.join(), LAST_SECONDS)
        except TimeoutError:
            log.warning("Events were left that the webhook did not take in time")

    def _put(self, event: WebhookEvent) -> None:
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            log.warning("The webhook is too slow: an event was dropped")

    async def _send(self, client: ClientSession, url: str, event: WebhookEvent) -> None:
        body = msgspec.json.encode(event)
        for pause in (*PAUSES_SECONDS, None):
            headers = signed_headers(event.id, body, secret=self._secret, at=int(time.time()))
            if await _is_taken(client, url, body, headers):
                return
            if pause is not None:
                await asyncio.sleep(pause)
        log.warning("The webhook did not take an event")  # not its address, which may hold a secret


async def _is_taken(client: ClientSession, url: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether the receiver has the event now; 409 says that it had it already."""
    try:
        async with client.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            taken = HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
            return taken or answer.status == HTTPStatus.CONFLICT
    except (ClientError, TimeoutError, OSError):
        return False
