"""Tells a webhook who of a watched group was recognised: best effort, and never in the way of an answer."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, web

from voiceprint.server.context import CONTEXT, Context

__all__ = ["send_hits", "tell_hit"]

log = logging.getLogger(__name__)

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


def tell_hit(context: Context, speaker_id: str | None) -> None:
    """Somebody was named for good: put it in line if they are watched; drop it where the line is full."""
    settings = context.settings
    speaker = context.service.get(speaker_id) if settings.webhook_url is not None and speaker_id is not None else None
    if speaker is None or settings.webhook_group not in speaker.profile.groups:
        return
    hit = WatchlistHit(
        id=secrets.token_hex(16),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        group=settings.webhook_group,
        speaker_id=speaker.id,
    )
    try:
        context.hits.put_nowait(msgspec.json.encode(hit))
    except asyncio.QueueFull:
        log.warning("The webhook is too slow: a hit was dropped")


async def send_hits(app: web.Application) -> AsyncIterator[None]:
    """Send what is in line while the application runs; for ``cleanup_ctx``."""
    context = app[CONTEXT]
    url = context.settings.webhook_url
    if url is None:
        yield
        return
    async with ClientSession(timeout=ClientTimeout(total=ATTEMPT_SECONDS)) as client:
        sending = asyncio.create_task(_send_all(context, client, url))
        yield
        with suppress(TimeoutError):
            await asyncio.wait_for(context.hits.join(), LAST_SECONDS)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


async def _send_all(context: Context, client: ClientSession, url: str) -> None:
    while True:
        hit = await context.hits.get()
        try:
            await _send(client, url, hit)
        finally:
            context.hits.task_done()


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
