"""The snapshot for the next start, sealed while the server runs; each row is examined once."""

import asyncio
import logging
import time

from voiceprint.errors import VoiceprintError
from voiceprint.server.context import Context
from voiceprint.storage.snapshot.generations import PARTS

__all__ = ["VISIT_EVERY_SECONDS", "visit_parts"]

log = logging.getLogger(__name__)
VISIT_EVERY_SECONDS = 600.0
# Of the time that one core has, this work takes a fifth.
PAUSE_SHARE, PAUSE_SECONDS = 4.0, 0.01


async def visit_parts(context: Context) -> None:
    """Visit every part once. An error is logged; the next round is another try."""
    maintenance = context.service.maintenance
    try:
        if not await context.wait(maintenance.needs_snapshot):
            return
        for name in PARTS:
            began = time.monotonic()
            damaged = await context.wait(maintenance.visit_snapshot_part, name)
            if damaged:
                log.error("Damaged, and left out from now on: %s.", ", ".join(damaged))
            await asyncio.sleep(PAUSE_SECONDS + PAUSE_SHARE * (time.monotonic() - began))
    except VoiceprintError as error:
        log.error("What makes the next start quick was not kept: %s", error.message)  # noqa: TRY400 - it says it all
