"""The message of a data subject's access request."""

from voiceprint.api.messages import KnownAbout, KnownEnrollment, KnownEvent
from voiceprint.api.presenters import groups_told
from voiceprint.domain.groups import Within
from voiceprint.domain.moments import iso_moment
from voiceprint.domain.speaker import Enrollment
from voiceprint.service.subject_access import SubjectRecord
from voiceprint.storage.audit_lines import AuditLine

__all__ = ["known_about"]


def known_about(record: SubjectRecord, within: Within = None) -> KnownAbout:
    """The record as a message of the wire: everything but the vectors themselves.

    ``within``: the groups that the caller may know of.
    """
    speaker, profile = record.speaker, record.speaker.profile
    return KnownAbout(
        id=speaker.id,
        name=profile.name,
        encoder=record.encoder_id,
        created_at=iso_moment(profile.created_at),
        last_seen=profile.last_seen,
        consent=profile.consent,
        consent_at=None if profile.consent_at is None else iso_moment(profile.consent_at),
        kept_until=record.kept_until.isoformat(),
        kept_because=record.kept_because,
        imported_from=profile.origin,
        groups=groups_told(profile.groups, within),
        enrollments=tuple(map(_enrollment, (*speaker.enrollments, *speaker.former, *speaker.pending_takes))),
        log=tuple(map(_event, record.lines)),
    )


def _enrollment(one: Enrollment) -> KnownEnrollment:
    return KnownEnrollment(
        id=one.id, speech_seconds=round(one.speech_seconds, 2), enrolled_at=iso_moment(one.enrolled_at)
    )


def _event(line: AuditLine) -> KnownEvent:
    return KnownEvent(time=iso_moment(line.time), event=line.event, details=line.details)
