"""Lines of the audit log, sealed and chained, and the base that trimming leaves."""

import time
from collections.abc import Iterator
from typing import Self

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.vault import Context, SealBrokenError, open_sealed, seal
from voiceprint.storage.tables import Tables

__all__ = [
    "AuditBase",
    "AuditLine",
    "expected_generations",
    "following_generations",
    "next_chain",
    "open_line",
    "open_lines",
    "read_base",
    "seal_line",
    "write_base",
]


class AuditLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One event. ``time``: seconds since 1970; ``subject``: the keyed pseudonym of a speaker."""

    number: int
    time: int
    event: str
    subject: str | None
    details: dict[str, str | int | float]

    @classmethod
    def now(cls, number: int, event: str, subject: str | None, details: dict[str, str | int | float]) -> Self:
        """A line of this moment."""
        return cls(number=number, time=int(time.time()), event=event, subject=subject, details=details)


class AuditBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Summary of the trimmed lines, sealed in one row.

    ``number``, ``chain``: number and chain value of the last one; ``generations``: by pseudonym, after that line.
    """

    number: int = 0
    chain: str = ""
    generations: dict[str, int] = {}


def following_generations(generations: dict[str, int], line: AuditLine) -> dict[str, int]:
    """The generations by pseudonym after one more line. May change the given dictionary."""
    if line.event == "renewed":
        return dict.fromkeys(generations, 1)
    if line.event in ("erased", "replaced") and line.subject:
        generations.pop(line.subject, None)
    elif line.subject and "generation" in line.details:
        generations[line.subject] = int(line.details["generation"])
    return generations


def expected_generations(tables: Tables, seals: Seals) -> dict[str, int]:
    """The generation of each pseudonym, as the audit log has it; broken lines are passed over."""
    expected = dict(read_base(tables, seals).generations)
    for line in open_lines(tables, seals):
        expected = following_generations(expected, line)
    return expected


def open_lines(tables: Tables, seals: Seals) -> Iterator[AuditLine]:
    """The lines of the log, oldest first, without broken ones."""
    for number, token, _ in tables.audit_rows():
        try:
            yield open_line(seals, number, token)
        except SealBrokenError:
            continue


def seal_line(seals: Seals, line: AuditLine) -> bytes:
    """The token of a line."""
    return seal(seals.purposes.audit, _context(seals, line.number), msgspec.json.encode(line))


def open_line(seals: Seals, number: int, token: bytes) -> AuditLine:
    """The line of a token. Raises SealBrokenError."""
    try:
        return _decoder.decode(open_sealed(seals.purposes.audit, _context(seals, number), token))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SealBrokenError("the line cannot be read") from error


def next_chain(seals: Seals, before: str, number: int, token: bytes) -> str:
    """The chain value of a line, from that of the line before it (empty for the first)."""
    return seals.purposes.audit_chain.hash(f"{before} {number} ".encode() + token)


def read_base(tables: Tables, seals: Seals) -> AuditBase:
    """The base that the log begins with. Raises StoreError (``store_damaged``)."""
    token = tables.meta("audit")
    if token is None:
        return AuditBase()
    try:
        return _base_decoder.decode(open_sealed(seals.purposes.audit, _base_context(seals), token))
    except (SealBrokenError, msgspec.DecodeError, UnicodeError) as error:
        raise StoreError("store_damaged", "The beginning of the audit log is damaged.") from error


def write_base(tables: Tables, seals: Seals, base: AuditBase) -> None:
    """Replace the base, within the transaction that deletes the lines."""
    tables.put_meta("audit", seal(seals.purposes.audit, _base_context(seals), msgspec.json.encode(base)))


def _context(seals: Seals, number: int) -> Context:
    return {"type": "audit", "store": seals.store_id, "number": number}


def _base_context(seals: Seals) -> Context:
    return {"type": "audit base", "store": seals.store_id}


_base_decoder = msgspec.json.Decoder(AuditBase)
_decoder = msgspec.json.Decoder(AuditLine)
