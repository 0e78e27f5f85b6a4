"""What others changed is taken in, and confirmed, several times a second, whether anything is asked or not."""

import asyncio
from contextlib import suppress

from aiohttp import web

from voiceprint.errors import StoreError
from voiceprint.server.context import CONTEXT, Context

__all__ = ["CONFIRM_EVERY_SECONDS", "confirm_once", "leave"]

CONFIRM_EVERY_SECONDS = 0.25


async def confirm_once(context: Context) -> None:
    """Where the store is away, every answer says so; here the next time will do."""
    with suppress(StoreError):
        await asyncio.to_thread(context.service.presence.confirm)


async def leave(app: web.Application) -> None:
    """A server that stops in order is not waited for."""
    with suppress(StoreError):
        await asyncio.to_thread(app[CONTEXT].service.presence.leave)
