"""The audit log: event, time, pseudonym of the speaker. Sealed lines in a keyed chain.

A line never holds a name, a vector, a recording, or a score to more than two decimals. Each chain value is an HMAC over
the one before and the sealed line, so that a line changed, removed, moved or inserted breaks the chain; the last value
is sealed in the state, so that lines missing at the end are detected too. Not detected: the whole store put back to an
earlier state, unless the last value was noted elsewhere (receipts carry it).
"""

import msgspec

from voiceprint.storage.audit_lines import AuditLine, next_chain, open_line, open_lines, read_base
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.transactions import Transactions

__all__ = ["AuditReport", "read", "verify", "verify_rows"]


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a verification.

    ``lines``: number of lines ever written; ``trimmed``: number of the oldest that were removed since. ``head``: the
    last chain value. ``faults``: one sentence each.
    """

    lines: int
    trimmed: int
    head: str
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


def read(store: Transactions) -> list[AuditLine]:
    """The lines of the log, oldest first, without broken ones. Raises StoreError."""
    with store.reading() as rows:
        return list(open_lines(rows.tables, rows.seals))


def verify(store: Transactions, *, known_head: str | None = None) -> AuditReport:
    """The verification of the whole chain. ``known_head``: a chain value that it must hold.

    Raises StoreError.
    """
    with store.reading() as rows:
        return verify_rows(rows, known_head=known_head)


def verify_rows(rows: Rows, *, known_head: str | None = None) -> AuditReport:
    """``verify`` within a transaction."""
    base = read_base(rows.tables, rows.seals)
    faults, chain, last = [], base.chain, base.number
    seen = known_head == chain
    for number, token, written in rows.tables.audit_rows():
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
