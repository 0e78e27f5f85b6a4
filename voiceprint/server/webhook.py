"""Webhook of a watched group: told of recognised speakers, best effort, after the answer."""

import asyncio
import logging
import secrets
import time
from http import HTTPStatus

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout

from voiceprint.config import Settings
from voiceprint.domain.moments import iso_moment
from voiceprint.service.service import VoiceprintService

__all__ = ["Webhook"]

log = logging.getLogger(__name__)

# Hits that wait for a slow webhook; more are dropped.
MAX_HITS = 100
ATTEMPT_SECONDS = 5.0
PAUSES_SECONDS = (1.0, 5.0)
# At the end what is still waiting gets one moment more.
LAST_SECONDS = 2.0


class WatchlistHit(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent: an opaque id, and neither a name nor a score. ``at``: ISO 8601, UTC."""

    event: str = "watchlist_hit"
    id: str
    at: str
    group: str
    speaker_id: str


class Webhook:
    """Hits on their way.

    ``send_all`` runs while the server does; ``tell`` may be called from any thread.
    """

    def __init__(self, service: VoiceprintService, settings: Settings) -> None:
        self._service = service
        self._url = settings.webhook_url
        self._group = settings.webhook_group
        self._hits: asyncio.Queue[bytes] = asyncio.Queue(MAX_HITS)
        self._loop: asyncio.AbstractEventLoop | None = None

    def tell(self, speaker_id: str) -> None:
        """Queue a hit where the speaker is watched; dropped where the queue is full."""
        if self._loop is None:
            return
        speaker = self._service.get(speaker_id)
        if speaker is not None and self._group in speaker.profile.groups:
            hit = WatchlistHit(
                id=secrets.token_hex(16), at=iso_moment(time.time()), group=self._group, speaker_id=speaker.id
            )
            self._loop.call_soon_threadsafe(self._put, msgspec.json.encode(hit))

    async def send_all(self) -> None:
        """Send hits until cancelled; at once done where no webhook is set."""
        if self._url is None:
            return
        self._loop = asyncio.get_running_loop()
        async with ClientSession(timeout=ClientTimeout(total=ATTEMPT_SECONDS)) as client:
            while True:
                hit = await self._hits.get()
                try:
                    await _send(client, self._url, hit)
                finally:
                    self._hits.task_done()

    async def drain(self) -> None:
        """A moment for what still waits."""
        try:
            await asyncio.wait_for(self._hits.join(), LAST_SECONDS)
        except TimeoutError:
            log.warning("Hits were left that the webhook did not take in time")

    def _put(self, hit: bytes) -> None:
        try:
            self._hits.put_nowait(hit)
        except asyncio.QueueFull:
            log.warning("The webhook is too slow: a hit was dropped")


async def _send(client: ClientSession, url: str, hit: bytes) -> None:
    for pause in (*PAUSES_SECONDS, None):
        if await _is_taken(client, url, hit):
            return
        if pause is not None:
            await asyncio.sleep(pause)
    log.warning("The webhook did not take a hit")  # not its address, which may hold a secret


async def _is_taken(client: ClientSession, url: str, hit: bytes) -> bool:
    headers = {"Content-Type": "application/json"}
    try:
        async with client.post(url, data=hit, headers=headers, allow_redirects=False) as answer:
            return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
    except (ClientError, TimeoutError, OSError):
        return False
