"""Retention of voiceprints: last day of a speaker, and erasure afterwards.

The default follows the strictest law read (740 ILCS 14/15, the Illinois BIPA): destroyed when the purpose is met, which
is the last day of the consent, or three years after the last interaction, whichever comes first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.domain.vocabulary import KeptBecause
from voiceprint.errors import ConfigError
from voiceprint.storage.maintenance.clock import LONGEST_STEP_DAYS, believe_day, require_step
from voiceprint.storage.receipts import Receipt
from voiceprint.storage.store import Store

__all__ = ["Due", "Retention", "Sweep", "due", "erase_due", "kept_until", "sweep"]

_LONGEST_DAYS = 36_500
# A speaker overdue for longer was due at no sweep before: a clock was wrong, or a setting changed.
_MOST_OVERDUE_DAYS = 2 * LONGEST_STEP_DAYS


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


@dataclass(frozen=True, slots=True)
class Sweep:
    """The speakers due, and a receipt of each erasure (none in a dry run).

    ``waiting``: the speakers due that are left to an operator's decision.
    """

    due: tuple[Due, ...]
    receipts: tuple[Receipt, ...]
    waiting: tuple[Due, ...] = ()


def due(speaker: StoredSpeaker, retention: Retention, today: date | None = None) -> Due | None:
    """The erasure due for a speaker on a day (UTC, this one), else None. A consent includes its last day."""
    today = today or datetime.now(UTC).date()
    until, because = kept_until(speaker, retention)
    if until >= today:
        return None
    return Due(speaker.id, "consent_expired" if because == "consent_expires" else because, (today - until).days)


def kept_until(speaker: StoredSpeaker, retention: Retention) -> tuple[date, KeptBecause]:
    """The last day (UTC) on which a speaker is kept, and the rule that sets it."""
    unseen = last_interaction(speaker) + timedelta(days=retention.unseen_days)
    consent = speaker.profile.consent
    if consent is None or consent.expires is None:
        return unseen, "not_seen"
    expires = date.fromisoformat(consent.expires)
    return (expires, "consent_expires") if expires <= unseen else (unseen, "not_seen")


def last_interaction(speaker: StoredSpeaker) -> date:
    """The day (UTC) of the last enrollment or recognition."""
    times = [speaker.created_at, *(one.enrolled_at for one in (*speaker.enrollments, *speaker.former))]
    enrolled = datetime.fromtimestamp(max(times), UTC).date()
    seen = speaker.profile.last_seen
    return max(enrolled, date.fromisoformat(seen)) if seen else enrolled


def sweep(
    store: Store,
    retention: Retention | None = None,
    *,
    speakers: Iterable[StoredSpeaker] | None = None,
    today: date | None = None,
    dry_run: bool = False,
    unattended: bool = False,
) -> Sweep:
    """The result of erasing all speakers due, with signed receipts; as ``erase_due``."""
    done = erase_due(store, retention, speakers=speakers, today=today, dry_run=dry_run, unattended=unattended)
    return replace(done, receipts=store.receipts(*done.receipts))


def erase_due(
    store: Store,
    retention: Retention | None = None,
    *,
    speakers: Iterable[StoredSpeaker] | None = None,
    today: date | None = None,
    dry_run: bool = False,
    unattended: bool = False,
) -> Sweep:
    """The result of erasing all speakers due, with drafts of receipts. ``speakers``: all, if loaded already.

    ``unattended``: not asked for by a person. Then nothing is erased after a jump of the clock, and speakers overdue
    for long wait for a person too. Raises StoreError (also ``clock_jumped``).
    """
    day = today or datetime.now(UTC).date()
    all_speakers = store.load().speakers if speakers is None else speakers
    found = [due(speaker, retention or Retention(), day) for speaker in all_speakers]
    over = tuple(one for one in found if one is not None)
    if dry_run:
        return Sweep(over, ())
    with store.writing() as rows:
        if unattended:
            require_step(rows, day)
        believe_day(rows, day)
    waiting = tuple(one for one in over if unattended and one.days > _MOST_OVERDUE_DAYS)
    receipts = tuple(store.erase(one.speaker_id, reason=one.reason) for one in over if one not in waiting)
    return Sweep(over, receipts, waiting)
