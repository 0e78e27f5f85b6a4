"""What follows from a final answer: the audit log, the day of recognition, reenrollment."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from voiceprint.audio.vad import Utterance
from voiceprint.config import Settings
from voiceprint.domain.consent import check_standing
from voiceprint.domain.speaker import Enrollment
from voiceprint.errors import InputError
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.enrollment import check_amount
from voiceprint.service.results import Answer
from voiceprint.storage.store import Store

__all__ = ["conclude"]

Admit = Callable[[Utterance], Enrollment]


def conclude(answer: Answer, store: Store, enrolled: EnrolledSpeakers, settings: Settings, admit: Admit) -> None:
    """Note a final answer in the audit log, and the day on the record of a recognised speaker.

    ``admit``: makes an enrollment of the utterance, for a speaker pending reenrollment. Raises StoreError.
    """
    decision = answer.decision
    recognised = decision.status in ("identified", "accepted")
    subject = answer.claimed_id or (decision.speaker_id if recognised else None)
    with enrolled.lock:
        speaker = enrolled.get(subject) if subject else None
        if speaker and recognised and speaker.profile.last_seen != (today := f"{datetime.now(UTC):%Y-%m-%d}"):
            enrolled.rename(store.touch(speaker.id, today))
        store.note("decision", speaker.id if speaker else None, mode=answer.mode, status=decision.status)
        if speaker and answer.enrolls and store.enroll_waiting:
            with suppress(InputError):  # not good enough, or no consent stands: the speaker goes on waiting
                check_standing(None, speaker.profile.consent, required=settings.require_consent)
                admitted = [admit(answer.utterance)]
                check_amount(admitted, before_seconds=0.0, needed_seconds=settings.min_enroll_speech_seconds)
                enrolled.put(store.add_enrollments(speaker.id, admitted))
