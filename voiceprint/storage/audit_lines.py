"""The lines of the audit log, each sealed and chained to the one before, and what is left of those trimmed."""

import sqlite3
import time
from typing import Self

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.vault import Context, SealBrokenError, open_sealed, seal
from voiceprint.storage.sqlite.database import typed_rows

__all__ = ["AuditBase", "AuditLine", "follow", "next_chain", "open_line", "read_base", "seal_line", "write_base"]


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


def follow(generations: dict[str, int], line: AuditLine) -> dict[str, int]:
    """What one more line of the audit log makes of the generations of all pseudonyms. May change what it is given."""
    if line.event == "renewed":
        return dict.fromkeys(generations, 1)
    if line.event in ("erased", "replaced") and line.subject:
        generations.pop(line.subject, None)
    elif line.subject and "generation" in line.details:
        generations[line.subject] = int(line.details["generation"])
    return generations


def seal_line(seals: Seals, line: AuditLine) -> bytes:
    return seal(seals.purposes.audit, _context(seals, line.number), msgspec.json.encode(line))


def open_line(seals: Seals, number: int, token: bytes) -> AuditLine:
    """Raises SealBrokenError."""
    try:
        return _decoder.decode(open_sealed(seals.purposes.audit, _context(seals, number), token))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SealBrokenError("the line cannot be read") from error


def next_chain(seals: Seals, before: str, number: int, token: bytes) -> str:
    """The chain value of a line, from that of the line before it (empty for the first)."""
    return seals.purposes.audit_chain.hash(f"{before} {number} ".encode() + token)


def read_base(database: sqlite3.Connection, seals: Seals) -> AuditBase:
    """Where the log begins. Raises StoreError (``store_damaged``)."""
    found = typed_rows(database, "SELECT value FROM meta WHERE key = 'audit'", (bytes,))
    if not found:
        return AuditBase()
    try:
        return _base_decoder.decode(open_sealed(seals.purposes.audit, _base_context(seals), found[0][0]))
    except (SealBrokenError, msgspec.DecodeError, UnicodeError) as error:
        raise StoreError("store_damaged", "The beginning of the audit log is damaged.") from error


def write_base(database: sqlite3.Connection, seals: Seals, base: AuditBase) -> None:
    """Within a transaction that deletes the lines."""
    token = seal(seals.purposes.audit, _base_context(seals), msgspec.json.encode(base))
    database.execute("INSERT OR REPLACE INTO meta VALUES ('audit', ?)", (token,))


def _context(seals: Seals, number: int) -> Context:
    return {"type": "audit", "store": seals.store_id, "number": number}


def _base_context(seals: Seals) -> Context:
    return {"type": "audit base", "store": seals.store_id}


_base_decoder = msgspec.json.Decoder(AuditBase)
_decoder = msgspec.json.Decoder(AuditLine)
