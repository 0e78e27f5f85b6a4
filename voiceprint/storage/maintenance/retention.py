"""Erasure of the speakers whose last day is over."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from voiceprint.domain.retention import Due, Retention, due, this_day
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.storage.maintenance.clock import LONGEST_STEP_DAYS, believe_day, require_step
from voiceprint.storage.receipts import Receipt
from voiceprint.storage.store import Store

__all__ = ["Sweep", "erase_due", "sweep"]

# A speaker overdue for longer was due at no sweep before: a clock was wrong, or a setting changed.
_MOST_OVERDUE_DAYS = 2 * LONGEST_STEP_DAYS


@dataclass(frozen=True, slots=True)
class Sweep:
    """The speakers due, and a receipt of each erasure (none in a dry run).

    ``waiting``: the speakers due that are left to an operator's decision.
    """

    due: tuple[Due, ...]
    receipts: tuple[Receipt, ...]
    waiting: tuple[Due, ...] = ()


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
    day = today or this_day()
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
