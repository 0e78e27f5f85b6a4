"""What is known about one person, for that person to read."""

from datetime import UTC, datetime

from voiceprint.api.messages import KnownAbout, KnownEnrollment, KnownEvent
from voiceprint.storage.maintenance.retention import Retention, kept_until
from voiceprint.storage.store import Store

__all__ = ["known_about"]


def known_about(store: Store, speaker_id: str, retention: Retention) -> KnownAbout:
    """Raises StoreError: ``speaker_gone``, ``record_damaged``. The log says that it was asked for."""
    with store.writing() as rows:
        speaker, _ = rows.read(speaker_id)
        rows.note("disclosed", speaker_id)
        pseudonym = rows.seals.pseudonym(speaker_id)
        log = [line for line in rows.audit_lines() if line is not None and line.subject == pseudonym]
    profile = speaker.profile
    until, because = kept_until(speaker, retention)
    return KnownAbout(
        id=speaker.id,
        name=profile.name,
        encoder=store.encoder.id,
        created_at=_moment(profile.created_at),
        last_seen=profile.last_seen,
        consent=profile.consent,
        consent_at=None if profile.consent_at is None else _moment(profile.consent_at),
        kept_until=until.isoformat(),
        kept_because=because,
        imported_from=profile.origin,
        enrollments=tuple(
            KnownEnrollment(
                id=one.id, speech_seconds=round(one.speech_seconds, 2), enrolled_at=_moment(one.enrolled_at)
            )
            for one in (*speaker.enrollments, *speaker.former)
        ),
        log=tuple(KnownEvent(time=_moment(line.time), event=line.event, details=line.details) for line in log),
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
