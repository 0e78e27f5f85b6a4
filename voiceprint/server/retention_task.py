"""Retention while the server runs: at the start, then once a day, what is too old goes: people, lines of the log."""

import asyncio
import logging
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from voiceprint.errors import VoiceprintError
from voiceprint.server.background import in_background
from voiceprint.server.context import CONTEXT, Context

__all__ = ["sweep_daily"]

log = logging.getLogger(__name__)
DAY_SECONDS = 86_400.0


async def sweep_daily(app: web.Application) -> AsyncIterator[None]:
    """For ``cleanup_ctx``: sweeps until the application ends."""
    async with in_background(_sweep_for_ever(app[CONTEXT])):
        yield


async def _sweep_for_ever(context: Context) -> None:
    while True:
        await sweep_once(context)
        await asyncio.sleep(DAY_SECONDS)


async def sweep_once(context: Context) -> None:
    """One sweep, and the oldest lines of the audit log go; the receipts go to the log of the server, without a name.

    What fails is said, and tried again the next day.
    """
    try:
        done = await context.work(context.service.maintenance.sweep)
        for receipt in done.receipts:
            log.warning("Retention erased a speaker, receipt: %s", msgspec.json.encode(receipt).decode())
        if done.waiting:
            log.warning("Retention: %d speakers overdue for long wait for 'voiceprint sweep'.", len(done.waiting))
        await context.wait(context.service.maintenance.trim_audit, days=context.settings.audit_days)
    except VoiceprintError as error:
        log.error("Retention: %s", error.message)  # noqa: TRY400 - the sentence says it all
