"""Plausibility of the clock, from the last day in the store on which it was trusted.

A clock that is wrong by years would make all speakers due for erasure. So an unattended sweep trusts a day only if the
clock reached it in a step that a running server takes: at most LONGEST_STEP_DAYS after the last trusted one, not back.
"""

from datetime import UTC, date, datetime, timedelta

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.audit_lines import open_line
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.vault import SealBrokenError

__all__ = ["LONGEST_STEP_DAYS", "believe_day", "require_step"]

LONGEST_STEP_DAYS = 31


def require_step(rows: Rows, day: date) -> None:
    """Refuse a day not reached in one step. Raises StoreError (``clock_jumped``)."""
    last = _last_day(rows)
    if last is not None and not timedelta(days=-1) <= day - last <= timedelta(days=LONGEST_STEP_DAYS):
        raise StoreError(
            "clock_jumped",
            f"The clock says {day}, and said {last} when retention last ran: nobody is erased before "
            "'voiceprint sweep' was run, once the clock is right.",
        )


def believe_day(rows: Rows, day: date) -> None:
    """Record a day as the last trusted one."""
    if rows.state.swept != day.isoformat():
        rows.state = msgspec.structs.replace(rows.state, swept=day.isoformat())


def _last_day(rows: Rows) -> date | None:
    """The last trusted day, else that of the last audit line; None where neither can be read."""
    if rows.state.swept:
        return date.fromisoformat(rows.state.swept)
    row = rows.tables.last_audit_row()
    if row is None:
        return None
    try:
        line = open_line(rows.seals, row[0], row[1])
    except SealBrokenError:
        return None
    return datetime.fromtimestamp(line.time, UTC).date()
