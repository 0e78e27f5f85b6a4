"""The audit log: what was done, when, to whom by pseudonym. Sealed lines in a keyed chain.

A line never holds a name, a vector, a score to more than two decimals or a recording. Each line's chain value is an
HMAC over the one before it and over the sealed line, so a line that was changed, taken out, moved or put in breaks the
chain; the last value is kept sealed beside it, so lines missing at the end are noticed too. Not noticed: the whole
store put back to an earlier state, unless the last value was noted somewhere else (receipts carry it).
"""

import sqlite3
import time
from typing import TYPE_CHECKING, Self

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.database import typed_rows
from voiceprint.storage.vault import Context, SealBrokenError, open_sealed, seal

if TYPE_CHECKING:
    from voiceprint.storage.rows import Rows
    from voiceprint.storage.seals import Seals
    from voiceprint.storage.store import Store

__all__ = [
    "AuditBase",
    "AuditLine",
    "AuditReport",
    "next_chain",
    "open_line",
    "read",
    "read_base",
    "seal_line",
    "verify",
    "write_base",
]


class AuditLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``time``: seconds since 1970; ``subject``: the keyed pseudonym of a speaker."""

    number: int
    time: int
    event: str
    subject: str | None
    details: dict[str, str | int | float]

    @classmethod
    def now(cls, number: int, event: str, subject: str | None, details: dict[str, str | int | float]) -> Self:
        return cls(number=number, time=int(time.time()), event=event, subject=subject, details=details)


class AuditBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is left of the lines that were trimmed: number and chain value of the last one, and the generation that each
    pseudonym had come to. Sealed, in one row.
    """

    number: int = 0
    chain: str = ""
    generations: dict[str, int] = {}


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


def seal_line(seals: "Seals", line: AuditLine) -> bytes:
    return seal(seals.purposes.audit, _context(seals, line.number), msgspec.json.encode(line))


def open_line(seals: "Seals", number: int, token: bytes) -> AuditLine:
    """Raises SealBrokenError."""
    try:
        return _decoder.decode(open_sealed(seals.purposes.audit, _context(seals, number), token))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SealBrokenError("the line cannot be read") from error


def next_chain(seals: "Seals", before: str, number: int, token: bytes) -> str:
    """The chain value of a line, from that of the line before it (empty for the first)."""
    return seals.purposes.audit_chain.hash(f"{before} {number} ".encode() + token)


def read_base(database: sqlite3.Connection, seals: "Seals") -> AuditBase:
    """Where the log begins. Raises StoreError (``store_damaged``)."""
    found = typed_rows(database, "SELECT value FROM meta WHERE key = 'audit'", (bytes,))
    if not found:
        return AuditBase()
    try:
        return _base_decoder.decode(open_sealed(seals.purposes.audit, _base_context(seals), found[0][0]))
    except (SealBrokenError, msgspec.DecodeError, UnicodeError) as error:
        raise StoreError("store_damaged", "The beginning of the audit log is damaged.") from error


def write_base(database: sqlite3.Connection, seals: "Seals", base: AuditBase) -> None:
    """Within a transaction that deletes the lines."""
    token = seal(seals.purposes.audit, _base_context(seals), msgspec.json.encode(base))
    database.execute("INSERT OR REPLACE INTO meta VALUES ('audit', ?)", (token,))


def read(store: "Store") -> list[AuditLine]:
    """Every line that opens, oldest first. Raises StoreError."""
    with store.reading() as rows:
        return [line for line in rows.audit_lines() if line is not None]


def verify(store: "Store", *, known_head: str | None = None) -> AuditReport:
    """Go through the whole chain. ``known_head``: a chain value noted earlier, which must be part of it."""
    with store.reading() as rows:
        return verify_rows(rows, known_head=known_head)


def verify_rows(rows: "Rows", *, known_head: str | None = None) -> AuditReport:
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


def _context(seals: "Seals", number: int) -> Context:
    return {"type": "audit", "store": seals.store_id, "number": number}


def _base_context(seals: "Seals") -> Context:
    return {"type": "audit base", "store": seals.store_id}


_base_decoder = msgspec.json.Decoder(AuditBase)
_decoder = msgspec.json.Decoder(AuditLine)
