"""What is known about one person, for that person to read: everything but the vectors themselves."""

from dataclasses import dataclass
from typing import Any

from voiceprint.storage.audit import AuditLine
from voiceprint.storage.store import Store

__all__ = ["KnownAbout", "known_about"]


@dataclass(frozen=True, slots=True)
class KnownAbout:
    """``enrollments``: id, seconds of speech and time of each; ``log``: the lines of the audit log about the person."""

    id: str
    name: str
    encoder: str
    created_at: float
    last_seen: str | None
    consent: dict[str, Any] | None
    consent_at: float | None
    imported_from: str | None
    enrollments: tuple[dict[str, Any], ...]
    log: tuple[AuditLine, ...]


def known_about(store: Store, speaker_id: str) -> KnownAbout:
    """Raises StoreError: ``speaker_gone``, ``record_damaged``."""
    with store.reading() as rows:
        speaker, _ = rows.read(speaker_id)
        pseudonym = rows.seals.pseudonym(speaker_id)
        log = tuple(line for line in rows.audit_lines() if line is not None and line.subject == pseudonym)
    profile = speaker.profile
    consent = profile.consent
    return KnownAbout(
        id=speaker.id,
        name=profile.name,
        encoder=store.encoder.id,
        created_at=profile.created_at,
        last_seen=profile.last_seen,
        consent=None
        if consent is None
        else {"purpose": consent.purpose, "reference": consent.reference, "expires": consent.expires},
        consent_at=profile.consent_at,
        imported_from=profile.origin,
        enrollments=tuple(
            {"id": one.id, "speech_seconds": one.speech_seconds, "enrolled_at": one.enrolled_at}
            for one in speaker.enrollments
        ),
        log=log,
    )
