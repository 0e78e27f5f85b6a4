"""Retention while the server runs: speakers and audit lines past their time."""

import logging

import msgspec

from voiceprint.errors import VoiceprintError
from voiceprint.server.context import Context

__all__ = ["SWEEP_EVERY_SECONDS", "sweep_once"]

log = logging.getLogger(__name__)
SWEEP_EVERY_SECONDS = 86_400.0


async def sweep_once(context: Context) -> None:
    """Erase the speakers due and trim the audit log.

    The receipts go to the log of the server, without a name. An error is logged; the next day is another try.
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
