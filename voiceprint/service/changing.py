"""What changes who is enrolled: new speakers, more takes, fewer, names, groups, merging, forgetting, undoing."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from voiceprint.config import Settings
from voiceprint.decision.templates import template_of
from voiceprint.domain.consent import check_standing
from voiceprint.domain.groups import Within, check_groups, is_within
from voiceprint.domain.match import Match
from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError, SpeakerError, SpeechError, StoreError
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.enrollment import check_amount
from voiceprint.service.pending_takes import PendingTakes
from voiceprint.service.presence import Presence
from voiceprint.service.recogniser import Recogniser
from voiceprint.service.results import EnrollmentOutcome, Erasure, MergeOutcome, UndoableChange
from voiceprint.service.take_check import TakeCheck, TakeFit
from voiceprint.storage import changes
from voiceprint.storage.last_change import LastChange, SpeakerChange
from voiceprint.storage.store import Store

__all__ = ["Changing"]


class Changing:
    """The half of the service that writes; what is in memory follows the store."""

    def __init__(self, store: Store, enrolled: EnrolledSpeakers, recogniser: Recogniser, settings: Settings) -> None:
        self.store = store
        self.enrolled = enrolled
        self._recogniser = recogniser
        self._takes = TakeCheck(enrolled, recogniser.policy)
        self.pending = PendingTakes(store, enrolled, recogniser, self._takes)
        self.presence = Presence(store, enrolled)
        self._settings = settings

    # Enrolling

    def check_new_name(self, name: str) -> str:
        """The name as it will be kept. Raises SpeakerError: ``bad_name``, ``name_taken``."""
        return self.enrolled.free_name(name)

    def enroll_new(
        self,
        name: str,
        enrollments: Sequence[Enrollment],
        *,
        consent: Consent | None = None,
        within: Within = None,
        force: bool = False,
        enrolled_by: str | None = None,
    ) -> EnrollmentOutcome:
        """A new speaker with what was admitted, who belongs to the groups ``within`` which the caller asks.

        ``enrolled_by``: the id of the caller's token. ``force``: also of takes that do not sound like one person.
        Raises SpeakerError: ``bad_name``, ``name_taken``; SpeechError (``not_enough_speech``), and as
        ``foreign_takes``; InputError (``bad_group``); as check_consent.
        """
        with self.enrolled.lock:
            self.enrolled.refresh()
            self.check_consent(consent)
            cleaned = self.check_new_name(name)
            self._check_amount(enrollments)
            self._refuse_foreign(enrollments, None, within, force=force)
            similar = self._recogniser.similar(enrollments, except_for=None, within=within)
            stored = self.store.add_speaker(
                cleaned, enrollments, consent=consent, groups=check_groups(within or ()), enrolled_by=enrolled_by
            )
            return self._enrolled(stored, enrollments, similar)

    def enroll_more(
        self,
        speaker_id: str,
        enrollments: Sequence[Enrollment],
        *,
        consent: Consent | None = None,
        within: Within = None,
        force: bool = False,
    ) -> EnrollmentOutcome:
        """More enrollments of a speaker; a ``consent`` takes the place of the one on record.

        ``force``: also of takes that do not sound like the speaker. Raises SpeakerError (``unknown_speaker``);
        SpeechError (``not_enough_speech``), and as ``foreign_takes`` says; as check_consent.
        """
        with self.enrolled.lock:
            self.enrolled.refresh()
            self.check_consent(consent, speaker_id)
            self._check_amount(enrollments, self.enrolled.speaker(speaker_id).speech_seconds)
            self._refuse_foreign(enrollments, speaker_id, within, force=force)
            similar = self._recogniser.similar(enrollments, except_for=speaker_id, within=within)
            stored = self.store.add_enrollments(speaker_id, enrollments, consent=consent)
            return self._enrolled(stored, enrollments, similar)

    def foreign_takes(
        self, enrollments: Sequence[Enrollment], speaker_id: str | None, within: Within = None
    ) -> dict[int, SpeechError]:
        """Why takes are not the speaker's (None: not of one person), by their number; of a person's own none.

        Codes: ``not_this_speaker``, ``sounds_like_other``. Raises SpeakerError (``unknown_speaker``).
        """
        with self.enrolled.lock:
            speaker = None if speaker_id is None else self.enrolled.speaker(speaker_id)
            return self._takes.refusals(enrollments, speaker, within)

    def check_consent(self, consent: Consent | None, speaker_id: str | None = None, *, required: bool = False) -> None:
        """Whether a speaker may be enrolled with this consent, or the one on record; there must be one if ``required``.

        Raises InputError: ``consent_missing``, ``consent_expired``, ``bad_consent``; SpeakerError.
        """
        on_record = self.enrolled.speaker(speaker_id).profile.consent if speaker_id is not None else None
        check_standing(consent, on_record, required=required or self._settings.require_consent)

    # Single takes

    def takes(self, speaker_id: str) -> list[TakeFit]:
        """The takes of a speaker, oldest first, and how each fits the others. Raises SpeakerError."""
        with self.enrolled.lock:
            self.enrolled.refresh()
            return self._takes.fits(self.enrolled.speaker(speaker_id))

    def remove_take(self, speaker_id: str, enrollment_id: str) -> StoredSpeaker:
        """Raises SpeakerError: ``unknown_speaker``, ``unknown_enrollment``, ``last_enrollment``."""
        self.enrolled.refresh()
        if enrollment_id in (one.id for one in self.enrolled.speaker(speaker_id).profile.pending):
            return self.pending.withdraw(speaker_id, enrollment_id)
        return self._change(speaker_id, lambda: changes.remove_enrollment(self.store, speaker_id, enrollment_id))

    # Profiles

    def rename(self, speaker_id: str, name: str) -> StoredSpeaker:
        """Raises SpeakerError: ``unknown_speaker``, ``bad_name``, ``name_taken``."""
        with self.enrolled.lock:
            self.enrolled.refresh()
            self.enrolled.speaker(speaker_id)
            cleaned = self.enrolled.free_name(name, holder_id=speaker_id)
            stored = self.store.rename(speaker_id, cleaned)
            self.enrolled.rename(stored)
            return stored

    def set_groups(self, speaker_id: str, groups: Sequence[str]) -> StoredSpeaker:
        """The groups that a speaker belongs to from now on. Raises SpeakerError, InputError (``bad_group``)."""
        with self.enrolled.lock:
            self.enrolled.refresh()
            self.enrolled.speaker(speaker_id)
            stored = self.store.set_groups(speaker_id, check_groups(groups))
            self.enrolled.rename(stored)
            return stored

    def set_consent(self, speaker_id: str, consent: Consent | None) -> StoredSpeaker:
        """What the person agrees to from now on. Raises SpeakerError, InputError: ``bad_consent``, ``consent_expired``,
        ``consent_missing``.
        """
        with self.enrolled.lock:
            self.enrolled.refresh()
            self.enrolled.speaker(speaker_id)
            check_standing(consent, None, required=self._settings.require_consent)
            stored = self.store.set_consent(speaker_id, consent)
            self.enrolled.rename(stored)
            return stored

    def forget(self, speaker_id: str) -> Erasure:
        """Destroy a speaker's key and records, and drop the voice from memory; all servers have a second to follow.

        Raises SpeakerError.
        """
        with self.enrolled.lock:
            self.enrolled.refresh()
            gone = self.enrolled.speaker(speaker_id)
            draft = self.store.erase(speaker_id, reason="asked")
            self.enrolled.remove(speaker_id)
        if self.presence.is_said:
            with suppress(StoreError):
                self.presence.confirm()
        return Erasure(gone, self.store.receipts(draft)[0])

    # Two entries, and the way back

    def merge(self, speaker_id: str, other_id: str, *, within: Within = None, force: bool = False) -> MergeOutcome:
        """The takes of the other entry go to the speaker; the other entry is no more.

        Raises SpeakerError: ``unknown_speaker``, ``same_speaker``; SpeechError (``not_this_speaker``) unless
        ``force``; InputError (``consent_expired``).
        """
        with self.enrolled.lock:
            self.enrolled.refresh()
            before = self.enrolled.speaker(speaker_id, within), self.enrolled.speaker(other_id, within)
            if speaker_id == other_id:
                raise SpeakerError("same_speaker", "Give two different speakers to merge.")
            for speaker in before:
                check_standing(None, speaker.profile.consent, required=False)
            if not force and not self._takes.same_person(*before):
                kept, other = before
                raise SpeechError("not_this_speaker", f"{other.name} does not sound like {kept.name}.")
            merged = changes.merge(self.store, speaker_id, other_id)
            self.enrolled.remove(other_id)
            self._take_in(merged)
            return MergeOutcome(merged, *before)

    def last_change(self, within: Within = None) -> UndoableChange | None:
        """The last change of speakers, if it can be undone and is about those of the groups. Raises StoreError."""
        with self.enrolled.lock:
            self.enrolled.refresh()
            last = changes.undoable(self.store)
            return None if last is None else self._described(last, within)

    def undo(self, *, change_id: str | None = None, within: Within = None) -> UndoableChange:
        """Take the last change back; ``change_id``: only if it is this one.

        Raises InputError: ``nothing_to_undo``, ``changed_since``; StoreError.
        """
        with self.enrolled.lock:
            last = self.last_change(within)
            if last is None:
                raise InputError("nothing_to_undo", "There is no change of the last hour that could be undone.")
            restored = changes.undo(self.store, change_id or last.id)
            for speaker_id, _ in last.speakers:
                self.enrolled.remove(speaker_id)
            self._take_in(*restored)
            return last

    # Inside

    def _check_amount(self, enrollments: Sequence[Enrollment], before_seconds: float = 0.0) -> None:
        needed = self._settings.min_enroll_speech_seconds
        check_amount(enrollments, before_seconds=before_seconds, needed_seconds=needed)

    def _refuse_foreign(
        self, takes: Sequence[Enrollment], speaker_id: str | None, within: Within, *, force: bool
    ) -> None:
        refused = {} if force else self.foreign_takes(takes, speaker_id, within)
        if refused:
            raise next(iter(refused.values()))

    def _change(self, speaker_id: str, change: Callable[[], StoredSpeaker]) -> StoredSpeaker:
        with self.enrolled.lock:
            self.enrolled.refresh()
            self.enrolled.speaker(speaker_id)
            stored = change()
            self._take_in(stored)
            return stored

    def _take_in(self, *speakers: StoredSpeaker) -> None:
        for speaker in speakers:
            self.enrolled.put(speaker)

    def _described(self, last: LastChange, within: Within) -> UndoableChange | None:
        """None for who may not meet the speakers that it is about."""
        found = [(change.speaker_id, self._profile(change)) for change in last.changes]
        if not all(profile is not None and is_within(profile.groups, within) for _, profile in found):
            return None
        return UndoableChange(
            id=last.id,
            event=last.event,
            at=last.at,
            until=last.until,
            speakers=tuple((speaker_id, profile.name) for speaker_id, profile in found if profile is not None),
            takes=sum(len(change.added) + len(change.removed) for change in last.changes[:1]),
        )

    def _profile(self, change: SpeakerChange) -> Profile | None:
        """As it is now, else (for an entry that was merged) as it was."""
        speaker = self.enrolled.get(change.speaker_id)
        return change.profile if speaker is None else speaker.profile

    def _enrolled(
        self, stored: StoredSpeaker, added: Sequence[Enrollment], similar: tuple[Match, ...]
    ) -> EnrollmentOutcome:
        self.enrolled.put(stored)
        whole = template_of(stored.enrollments)
        scores = [float(enrollment.embedding @ whole) for enrollment in stored.enrollments]
        return EnrollmentOutcome(
            speaker=stored,
            added=len(added),
            speech_seconds=sum(enrollment.speech_seconds for enrollment in added),
            consistency=min(scores) if len(scores) > 1 else None,
            similar=similar,
            warnings=tuple({warning.code: warning for one in added for warning in one.warnings}.values()),
        )
