"""The audit log must not grow for ever: its oldest lines are taken out, and what they add up to is kept.

What is left begins with the chain value of the last line that went, so the chain still shows that nothing else is
missing. Lines are checked before they go: a log that is broken is never trimmed, because that would hide it.
"""

import time

from voiceprint.errors import ConfigError, StoreError
from voiceprint.storage.audit_lines import AuditBase, follow, next_chain, open_line, read_base, write_base
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.sqlite.database import typed_rows
from voiceprint.storage.store import Store

__all__ = ["DEFAULT_DAYS", "trim"]

DEFAULT_DAYS = 365
_DAY_SECONDS = 86_400
_BATCH = 2_000


def trim(store: Store, *, days: int = DEFAULT_DAYS, now: float | None = None) -> int:
    """Take out the lines that are older than so many days; returns how many. A kill in between loses nothing.

    Raises ConfigError (``bad_setting``), StoreError (also ``audit_broken``: nothing of what is broken was taken out).
    """
    if days < 1:
        raise ConfigError("bad_setting", f"The audit log must be kept for at least one day, not {days}.")
    before = (time.time() if now is None else now) - days * _DAY_SECONDS
    total = 0
    while True:
        with store.writing() as rows:
            count = _trim_batch(rows, before)
            if total and not count:
                rows.note("trimmed", None, lines=total)
        total += count
        if not count:
            break
    if total:
        store.clear_log()
    return total


def _trim_batch(rows: Rows, before: float) -> int:
    base = read_base(rows.database, rows.seals)
    number, chain, generations = base.number, base.chain, dict(base.generations)
    sql = "SELECT number, token, chain FROM audit ORDER BY number LIMIT ?"
    for found, token, written in typed_rows(rows.database, sql, (int, bytes, str), _BATCH):
        if found != number + 1 or next_chain(rows.seals, chain, found, token) != written:
            raise _broken(found)
        try:
            line = open_line(rows.seals, found, token)
        except SealBrokenError as error:
            raise _broken(found) from error
        if line.time >= before:
            break
        generations = follow(generations, line)
        number, chain = found, written
    if number > base.number:
        rows.database.execute("DELETE FROM audit WHERE number <= ?", (number,))
        write_base(rows.database, rows.seals, AuditBase(number=number, chain=chain, generations=generations))
    return number - base.number


def _broken(number: int) -> StoreError:
    return StoreError(
        "audit_broken", f"The audit log is broken at line {number} and was not trimmed; see 'voiceprint audit verify'."
    )
