"""Retention while the server runs: at the start, then once a day, what is too old goes: people, lines of the log."""

import logging

import msgspec

from voiceprint.errors import VoiceprintError
from voiceprint.server.context import Context

__all__ = ["SWEEP_EVERY_SECONDS", "sweep_once"]

log = logging.getLogger(__name__)
SWEEP_EVERY_SECONDS = 86_400.0


async def sweep_once(context: Context) -> None:
    """One sweep, and the oldest lines of the audit log go; the receipts go to the log of the server, without a name.

    What fails is said, and tried again the next day.
    """
    try:
        done = await context.work(context.service.maintenance.sweep)
        for receipt in done.receipts:
            log.warning("Retention erased a speaker, receipt: %s", msgspec.json.encode(receipt).decode())
        await context.wait(context.service.maintenance.trim_audit, days=context.settings.audit_days)
    except VoiceprintError as error:
        log.error("Retention: %s", error.message)  # noqa: TRY400 - the sentence says it all
