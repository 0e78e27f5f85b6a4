"""Everything that a store holds about one speaker, for a data subject's access request."""

from dataclasses import dataclass
from datetime import date

from voiceprint.domain.retention import Retention, kept_until
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.domain.vocabulary import KeptBecause
from voiceprint.storage.audit_lines import AuditLine
from voiceprint.storage.store import Store

__all__ = ["SubjectRecord", "subject_record"]


@dataclass(frozen=True, slots=True)
class SubjectRecord:
    """What is held about one speaker.

    ``kept_until``: the last day before retention erases; ``lines``: of the audit log, those about the speaker.
    """

    speaker: StoredSpeaker
    encoder_id: str
    kept_until: date
    kept_because: KeptBecause
    lines: tuple[AuditLine, ...]


def subject_record(store: Store, speaker_id: str, retention: Retention) -> SubjectRecord:
    """The record of one speaker; the audit log notes the disclosure.

    Raises StoreError: ``speaker_gone``, ``record_damaged``.
    """
    with store.writing() as rows:
        speaker, _ = rows.read(speaker_id)
        rows.note("disclosed", speaker_id)
        lines = tuple(rows.audit_lines(speaker_id))
    until, because = kept_until(speaker, retention)
    return SubjectRecord(speaker, store.encoder.id, until, because, lines)
