"""Check of a whole store: pages, seals, manifest, tombstones, tokens, audit log.

Changes nothing.
"""

import sqlite3

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.audit import AuditReport, verify_rows
from voiceprint.storage.rows import Loaded, Rows
from voiceprint.storage.sqlite.database import is_corrupt
from voiceprint.storage.store import Store
from voiceprint.storage.tokens import read_tokens

__all__ = ["Report", "check"]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a check.

    ``faults``: one sentence each; ``damaged``: opaque ids; ``renewals``: number of template renewals.
    """

    speakers: int
    enrollments: int
    forgotten: int
    audit_lines: int
    audit_head: str
    renewals: int = msgspec.field(name="rotation")
    epoch: int
    damaged: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


def check(store: Store) -> Report:
    """The report on every page, seal and audit line.

    Raises StoreError where the check cannot run.
    """
    with store.reading() as rows:
        faults = rows.tables.faults()
        loaded, more = _load(rows)
        log = _log(rows)
        return Report(
            speakers=len(loaded.speakers),
            enrollments=sum(len(speaker.enrollments) + len(speaker.former) for speaker in loaded.speakers),
            forgotten=len(rows.tables.tombstones()),
            audit_lines=log.lines,
            audit_head=log.head,
            renewals=rows.seals.settings.renewals,
            epoch=rows.state.epoch,
            damaged=loaded.damaged,
            faults=(*faults, *more, *_tombstone_faults(rows), *_token_faults(rows), *log.faults),
        )


def _load(rows: Rows) -> tuple[Loaded, list[str]]:
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
    missing = rows.state.epoch - len(rows.tables.tombstones())
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
