"""Takes of speakers by callers who did not enroll them: they wait for an operator, and decide nothing before."""

from collections.abc import Sequence

from voiceprint.domain.groups import Within
from voiceprint.domain.speaker import Enrollment, StoredSpeaker
from voiceprint.domain.vocabulary import Notice
from voiceprint.errors import SpeakerError
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.recogniser import Recogniser
from voiceprint.service.results import EnrollmentOutcome
from voiceprint.service.take_check import TakeCheck, TakeFit
from voiceprint.storage import pending_takes
from voiceprint.storage.store import Store

__all__ = ["MAX_PENDING", "PendingTakes"]

# More than an operator looks through, and few enough that the record stays small.
MAX_PENDING = 20
_WAITS = Notice(code="pending", message="It decides nothing before an operator confirms it.")


class PendingTakes:
    """Methods raise SpeakerError (``unknown_speaker``), StoreError."""

    def __init__(self, store: Store, enrolled: EnrolledSpeakers, recogniser: Recogniser, checks: TakeCheck) -> None:
        self._store = store
        self._enrolled = enrolled
        self._recogniser = recogniser
        self._checks = checks

    def offer(self, speaker_id: str, takes: Sequence[Enrollment], *, within: Within = None) -> EnrollmentOutcome:
        """The speaker, whose template stays, with takes that wait.

        Raises SpeakerError (``too_many_pending``), SpeechError as ``foreign_takes``.
        """
        with self._enrolled.lock:
            self._enrolled.refresh()
            speaker = self._enrolled.speaker(speaker_id, within)
            if len(speaker.profile.pending) + len(takes) > MAX_PENDING:
                raise SpeakerError(
                    "too_many_pending", f"At most {MAX_PENDING} recordings of a speaker wait for an operator's word."
                )
            for refused in self._checks.refusals(takes, speaker, within).values():
                raise refused
            similar = self._recogniser.similar(takes, except_for=speaker_id, within=within)
            stored = pending_takes.add_pending(self._store, speaker_id, takes)
            self._enrolled.rename(stored)
        return EnrollmentOutcome(
            speaker=stored,
            added=0,
            speech_seconds=sum(take.speech_seconds for take in takes),
            consistency=None,
            similar=similar,
            warnings=tuple({warning.code: warning for one in takes for warning in (_WAITS, *one.warnings)}.values()),
        )

    def fits(self, speaker_id: str) -> list[TakeFit]:
        """The takes that wait, oldest first, and how each fits those that decide."""
        with self._enrolled.lock:
            self._enrolled.refresh()
            return self._checks.fits_of_pending(self._enrolled.speaker(speaker_id))

    def confirm(self, speaker_id: str, take_id: str) -> StoredSpeaker:
        """The speaker, whose template has the take in it. Raises SpeakerError (``unknown_enrollment``)."""
        with self._enrolled.lock:
            self._enrolled.refresh()
            self._enrolled.speaker(speaker_id)
            stored = pending_takes.confirm(self._store, speaker_id, take_id)
            self._enrolled.put(stored)
            return stored

    def withdraw(self, speaker_id: str, take_id: str) -> StoredSpeaker:
        """The speaker without the take. Raises SpeakerError (``unknown_enrollment``)."""
        with self._enrolled.lock:
            self._enrolled.refresh()
            self._enrolled.speaker(speaker_id)
            stored = pending_takes.withdraw(self._store, speaker_id, take_id)
            self._enrolled.rename(stored)
            return stored
