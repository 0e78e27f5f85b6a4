"""Examine a whole store and say what was found. Changes nothing."""

import sqlite3

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.audit import AuditReport, verify_rows
from voiceprint.storage.rows import Loaded, Rows
from voiceprint.storage.sqlite.database import is_corrupt
from voiceprint.storage.sqlite.schema import schema_faults
from voiceprint.storage.store import Store
from voiceprint.storage.tokens import read_tokens

__all__ = ["Report", "check"]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """``faults``: one sentence each; none means that everything is as it was written. ``damaged``: opaque ids."""

    speakers: int
    enrollments: int
    forgotten: int
    audit_lines: int
    audit_head: str
    rotation: int
    epoch: int
    damaged: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not self.faults


def check(store: Store) -> Report:
    """Every page, every seal, every line of the log. Raises StoreError where not even that can be done."""
    with store.reading() as rows:
        faults = [*schema_faults(rows.database), *_file_faults(rows)]
        loaded, more = _open_everybody(rows)
        log = _log(rows)
        return Report(
            speakers=len(loaded.speakers),
            enrollments=sum(len(speaker.enrollments) + len(speaker.former) for speaker in loaded.speakers),
            forgotten=len(rows.marks()),
            audit_lines=log.lines,
            audit_head=log.head,
            rotation=rows.seals.settings.rotation,
            epoch=rows.state.epoch,
            damaged=loaded.damaged,
            faults=(*faults, *more, *_tombstone_faults(rows), *_token_faults(rows), *log.faults),
        )


def _file_faults(rows: Rows) -> list[str]:
    found: list[str] = []
    try:
        for (line,) in rows.database.execute("PRAGMA integrity_check(20)"):
            found += [] if line == "ok" else [line]
        for table, *_ in rows.database.execute("PRAGMA foreign_key_check"):
            found.append(f"a row of {table} belongs to nobody")
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
        found.append(str(error))
    return [f"The database file: {line}." for line in found]


def _open_everybody(rows: Rows) -> tuple[Loaded, list[str]]:
    try:
        loaded = rows.load()
    except StoreError as error:
        return Loaded((), ()), [error.message]
    return loaded, [_sentence(speaker_id) for speaker_id in loaded.damaged]


def _log(rows: Rows) -> AuditReport:
    try:
        return verify_rows(rows)
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
        state = rows.state
        fault = "The audit log cannot be read: a page of it is lost."
        return AuditReport(lines=state.audit_number, trimmed=0, head=state.audit_chain, faults=(fault,))


def _tombstone_faults(rows: Rows) -> list[str]:
    missing = rows.state.epoch - len(rows.marks())
    return [f"{missing} marks of forgotten speakers were taken away."] if missing else []


def _token_faults(rows: Rows) -> list[str]:
    try:
        read_tokens(rows)
    except StoreError as error:
        return [error.message]
    return []


def _sentence(speaker_id: str) -> str:
    if speaker_id.startswith("missing-"):
        return f"A speaker was taken away without being forgotten ({speaker_id})."
    return f"The speaker {speaker_id} is damaged or was put back, and takes no part."
