"""Trimming of the audit log: the oldest lines are deleted, and their summary is kept.

The rest begins with the chain value of the last deleted line, so that the chain still proves nothing else is missing.
Lines are verified first: a broken log is never trimmed, because that would hide the fault.
"""

import time

from voiceprint.errors import ConfigError, StoreError
from voiceprint.storage.audit_lines import (
    AuditBase,
    following_generations,
    next_chain,
    open_line,
    read_base,
    write_base,
)
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.store import Store

__all__ = ["DEFAULT_DAYS", "trim"]

DEFAULT_DAYS = 365
_DAY_SECONDS = 86_400
_BATCH = 2_000


def trim(store: Store, *, days: int = DEFAULT_DAYS, now: float | None = None) -> int:
    """The number of lines deleted because they are older than ``days``. A kill loses nothing.

    Raises ConfigError (``bad_setting``), StoreError (also ``audit_broken``: the broken lines are still there).
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
    base = read_base(rows.tables, rows.seals)
    number, chain, generations = base.number, base.chain, dict(base.generations)
    for found, token, written in rows.tables.audit_rows(_BATCH):
        if found != number + 1 or next_chain(rows.seals, chain, found, token) != written:
            raise _broken(found)
        try:
            line = open_line(rows.seals, found, token)
        except SealBrokenError as error:
            raise _broken(found) from error
        if line.time >= before:
            break
        generations = following_generations(generations, line)
        number, chain = found, written
    if number > base.number:
        rows.tables.delete_audit_rows(number)
        write_base(rows.tables, rows.seals, AuditBase(number=number, chain=chain, generations=generations))
    return number - base.number


def _broken(number: int) -> StoreError:
    return StoreError(
        "audit_broken", f"The audit log is broken at line {number} and was not trimmed; see 'voiceprint audit verify'."
    )
