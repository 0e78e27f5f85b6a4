"""Whether the clock may be believed: the store keeps the last day on which it was.

A clock that is wrong by years would make everybody's time be over. So what nobody asked for goes by a day only where
the clock came to it in a step that a server takes: at most LONGEST_STEP_DAYS after the last such day, and never back.
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
    """Raises StoreError (``clock_jumped``) where the clock did not come to this day in one step."""
    last = _last_day(rows)
    if last is not None and not timedelta(days=-1) <= day - last <= timedelta(days=LONGEST_STEP_DAYS):
        raise StoreError(
            "clock_jumped",
            f"The clock says {day}, and said {last} when retention last ran: nobody is erased before "
            "'voiceprint sweep' was run, once the clock is right.",
        )


def believe_day(rows: Rows, day: date) -> None:
    """From now on steps are taken from this day."""
    if rows.state.swept != day.isoformat():
        rows.state = msgspec.structs.replace(rows.state, swept=day.isoformat())


def _last_day(rows: Rows) -> date | None:
    """The last day that was believed, else that of the last line of the audit log; None where neither can be read."""
    if rows.state.swept:
        return date.fromisoformat(rows.state.swept)
    try:
        lines = [open_line(rows.seals, *row) for row in rows.tables.last_audit_row()]
    except SealBrokenError:
        return None
    return datetime.fromtimestamp(lines[0].time, UTC).date() if lines else None
