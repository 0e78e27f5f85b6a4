"""Retention of voiceprints: the last day of a speaker, and what is due after it.

The default follows the strictest law read (740 ILCS 14/15, the Illinois BIPA): destroyed when the purpose is met, which
is the last day of the consent, or three years after the last interaction, whichever comes first.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.domain.vocabulary import KeptBecause
from voiceprint.errors import ConfigError

__all__ = ["Due", "Retention", "due", "kept_until", "this_day"]

_LONGEST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Retention:
    """The retention rule. ``unseen_days``: days after the last enrollment or recognition."""

    unseen_days: int = 3 * 365

    def __post_init__(self) -> None:
        if not 1 <= self.unseen_days <= _LONGEST_DAYS:
            raise ConfigError(
                "bad_setting",
                f"unseen_days must lie between 1 and {_LONGEST_DAYS} (a hundred years), not {self.unseen_days}.",
            )


@dataclass(frozen=True, slots=True)
class Due:
    """A speaker due for erasure since ``days``. ``reason``: ``consent_expired``, ``not_seen``."""

    speaker_id: str
    reason: str
    days: int


def this_day() -> date:
    """The day (UTC) by the clock of this machine."""
    return datetime.now(UTC).date()


def due(speaker: StoredSpeaker, retention: Retention, today: date | None = None) -> Due | None:
    """The erasure due for a speaker on a day (UTC, this one), else None. A consent includes its last day."""
    today = today or this_day()
    until, because = kept_until(speaker, retention)
    if until >= today:
        return None
    return Due(speaker.id, "consent_expired" if because == "consent_expires" else because, (today - until).days)


def kept_until(speaker: StoredSpeaker, retention: Retention) -> tuple[date, KeptBecause]:
    """The last day (UTC) on which a speaker is kept, and the rule that sets it."""
    unseen = _last_interaction(speaker) + timedelta(days=retention.unseen_days)
    consent = speaker.profile.consent
    if consent is None or consent.expires is None:
        return unseen, "not_seen"
    expires = date.fromisoformat(consent.expires)
    return (expires, "consent_expires") if expires <= unseen else (unseen, "not_seen")


def _last_interaction(speaker: StoredSpeaker) -> date:
    """The day (UTC) of the last enrollment or recognition."""
    times = [speaker.created_at, *(one.enrolled_at for one in (*speaker.enrollments, *speaker.former))]
    enrolled = datetime.fromtimestamp(max(times), UTC).date()
    seen = speaker.profile.last_seen
    return max(enrolled, date.fromisoformat(seen)) if seen else enrolled
