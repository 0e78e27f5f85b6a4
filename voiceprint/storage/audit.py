"""The audit log: what was done, when, to whom by pseudonym. Sealed lines in a keyed chain.

A line never holds a name, a vector, a score to more than two decimals or a recording. Each line's chain value is an
HMAC over the one before it and over the sealed line, so a line that was changed, taken out, moved or put in breaks the
chain; the last value is kept sealed beside it, so lines missing at the end are noticed too. Not noticed: the whole
store put back to an earlier state, unless the last value was noted somewhere else (receipts carry it).
"""

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.audit_lines import AuditLine, next_chain, open_line, read_base
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.sqlite.database import typed_rows
from voiceprint.storage.transactions import Transactions

__all__ = ["AuditReport", "read", "require_whole", "verify", "verify_rows"]


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """``faults``: one sentence each; none means that the log is whole. ``head``: the last chain value. ``lines``: ever
    written; ``trimmed``: how many of them, the oldest, are not kept any more.
    """

    lines: int
    trimmed: int
    head: str
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not self.faults


def read(store: Transactions) -> list[AuditLine]:
    """Every line that opens, oldest first. Raises StoreError."""
    with store.reading() as rows:
        return [line for line in rows.audit_lines() if line is not None]


def verify(store: Transactions, *, known_head: str | None = None) -> AuditReport:
    """Go through the whole chain. ``known_head``: a chain value noted earlier, which must be part of it."""
    with store.reading() as rows:
        return verify_rows(rows, known_head=known_head)


def verify_rows(rows: Rows, *, known_head: str | None = None) -> AuditReport:
    """As ``verify``, within a transaction."""
    base = read_base(rows.database, rows.seals)
    faults, chain, last = [], base.chain, base.number
    seen = known_head == chain
    sql = "SELECT number, token, chain FROM audit ORDER BY number"
    for number, token, written in typed_rows(rows.database, sql, (int, bytes, str)):
        if number != last + 1:
            faults.append(f"Lines {last + 1} to {number - 1} of the audit log are missing.")
        elif next_chain(rows.seals, chain, number, token) != written:
            faults.append(f"Line {number} of the audit log was changed.")
        try:
            open_line(rows.seals, number, token)
        except SealBrokenError:
            faults.append(f"Line {number} of the audit log does not open.")
        chain, last, seen = written, number, seen or written == known_head
    if last < rows.state.audit_number:
        faults.append(f"Lines {last + 1} to {rows.state.audit_number} of the audit log are missing.")
    elif (last, chain) != (rows.state.audit_number, rows.state.audit_chain):
        faults.append("The end of the audit log is not the one that the store wrote last.")
    if known_head and not seen:
        trimmed = f", or its line was among the {base.number} that were trimmed" if base.number else ""
        faults.append(
            f"The chain value noted earlier is not in the audit log: it was rolled back or replaced{trimmed}."
        )
    return AuditReport(lines=last, trimmed=base.number, head=chain, faults=tuple(faults))


def require_whole(report: AuditReport) -> None:
    """Raises StoreError (``audit_broken``) with the first fault."""
    if report.faults:
        raise StoreError("audit_broken", report.faults[0])
