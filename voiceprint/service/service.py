"""VoiceprintService: enroll, identify, verify, forget, rename. The only place that knows all parts.

One way for the data: Waveform -> Utterance (the speech in it) -> Voice (with its embedding) -> Answer or Enrolled.
Nothing here knows about HTTP, asyncio or the command line. Safe to use from several threads.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import Waveform
from voiceprint.audio.vad import VoiceActivity
from voiceprint.config import Settings
from voiceprint.decision.policy import Policy
from voiceprint.domain.consent import check_consent, require_consent
from voiceprint.domain.groups import Within, check_groups, is_within
from voiceprint.domain.match import Match
from voiceprint.domain.speaker import EncoderIdentity, Enrollment, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.encoding.encoder import Encoder
from voiceprint.errors import SpeakerError
from voiceprint.service.authenticator import Authenticator
from voiceprint.service.conclusion import conclude
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.enrollment import check_amount
from voiceprint.service.listening import Listening
from voiceprint.service.maintenance import Maintenance
from voiceprint.service.recogniser import PreviousEncoder, Recogniser
from voiceprint.service.results import Answer, EnrollmentOutcome, Erasure, Voice
from voiceprint.service.statistics import Statistics
from voiceprint.service.subject_access import SubjectRecord, subject_record
from voiceprint.service.voice_map import SpeakerMap, speaker_map
from voiceprint.storage.maintenance.retention import Retention
from voiceprint.storage.store import Store
from voiceprint.storage.tokens import list_tokens

__all__ = ["VoiceprintService"]


class VoiceprintService(Listening):
    """Everything voiceprint can do, over one store and one encoder.

    ``store`` and ``enrolled`` are for this package and for tests: other packages ask the methods here.
    """

    def __init__(
        self,
        *,
        store: Store,
        encoder: Encoder,
        activity: VoiceActivity,
        policy: Policy,
        settings: Settings,
        former: PreviousEncoder | None = None,
    ) -> None:
        """``former``: the encoder that the store is being moved away from, while it is."""
        super().__init__(
            encoder,
            activity,
            settings,
            speaker_change_threshold=policy.one_voice,
            encode_previous=self._encode_previous,
        )
        self.enrolled = EnrolledSpeakers(store, encoder.dimension)
        self.store = store
        self.maintenance = Maintenance(store, self.enrolled, Retention(unseen_days=settings.unseen_days))
        self.statistics = Statistics()
        self._former = former
        needed = settings.min_identify_speech_seconds
        self._recogniser = Recogniser(self.enrolled, policy, former, needed_seconds=needed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.store.close()

    # What is there

    def refresh(self) -> None:
        """Take in what another process wrote to the store; cheap when nothing changed."""
        self.enrolled.refresh()

    def speakers(self, within: Within = None) -> list[StoredSpeaker]:
        """All enrolled speakers, by name."""
        return [speaker for speaker in self.enrolled.all() if is_within(speaker.profile.groups, within)]

    def count(self, within: Within = None) -> int:
        """How many speakers are enrolled."""
        self.refresh()
        return self.enrolled.count(within)

    def policy(self, within: Within = None) -> Policy:
        """How it is decided among the people who are enrolled now."""
        return self._recogniser.policy(within)

    @property
    def damaged(self) -> tuple[str, ...]:
        """Opaque ids of records that do not open; those speakers take no part."""
        return self.enrolled.damaged

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        """The speaker of that id, if there is one."""
        return self.enrolled.get(speaker_id)

    def speaker(self, speaker_id: str, within: Within = None) -> StoredSpeaker:
        """The speaker of that id. Raises SpeakerError (``unknown_speaker``)."""
        return self.enrolled.speaker(speaker_id, within)

    def find(self, name_or_id: str) -> StoredSpeaker | None:
        """The speaker of that id, else of that name, else None."""
        return self.enrolled.find(name_or_id)

    def named(self, name_or_id: str) -> StoredSpeaker:
        """The speaker of that id, else of that name. Raises SpeakerError (``unknown_speaker``)."""
        found = self.find(name_or_id)
        if found is None:
            raise SpeakerError("unknown_speaker", f"Nobody is enrolled as {name_or_id!r}.")
        return found

    @property
    def previous_encoder(self) -> EncoderIdentity | None:
        """The encoder that the store is being moved away from, while it is."""
        return self.store.former

    @property
    def gallery_sizes(self) -> tuple[int, int]:
        """How many speakers are searched, and how many wait to be enrolled with the store's encoder."""
        return len(self.enrolled.gallery), len(self.enrolled.waiting)

    def speaker_map(self, within: Within = None, *, most: int) -> SpeakerMap:
        """The newest speakers of the groups, at most ``most``, as places on a plane."""
        self.refresh()
        return speaker_map(self.enrolled, self.policy(within), within, most=most)

    def subject_record(self, speaker_id: str) -> SubjectRecord:
        """Everything that is held about one person; the audit log notes the disclosure. Raises StoreError."""
        return subject_record(self.store, speaker_id, self.maintenance.retention)

    # Who may ask

    def authenticator(self) -> Authenticator:
        """A new authenticator over the tokens of the store. Raises StoreError."""
        return Authenticator(self.store)

    def has_tokens(self) -> bool:
        """Whether a token that opens this store was made. Raises StoreError."""
        return bool(list_tokens(self.store))

    def note_unlock(self, speaker_id: str) -> None:
        """A line in the audit log: wrong claims of this id, of a speaker or not, count no longer. Raises StoreError."""
        self.store.note("unlocked", speaker_id)

    def content_hash(self, data: bytes) -> str:
        """Keyed hash of a recording's file, to know it again without keeping anything of it."""
        return self.store.content_hash(data)

    # Answering

    def identify(self, voice: Voice, *, top_k: int = 5, within: Within = None) -> Answer:
        """Who is speaking, among everybody enrolled (``within`` groups); strangers are ``unknown``."""
        return self.identify_all([voice], top_k=top_k, within=within)[0]

    def identify_all(self, voices: Sequence[Voice], *, top_k: int = 5, within: Within = None) -> list[Answer]:
        """``identify`` for each of several voices, looked for together."""
        self.refresh()
        return self._recogniser.identify(voices, top_k=top_k, within=within)

    def verify(
        self, speaker_id: str, voice: Voice, *, hide_unknown_claims: bool = False, within: Within = None
    ) -> Answer:
        """The decision on one claim; ``not_enrolled`` for an unknown id.

        With ``hide_unknown_claims`` an unknown id is answered as a wrong claim.
        """
        self.refresh()
        return self._recogniser.verify(speaker_id, voice, hide_unknown_claims=hide_unknown_claims, within=within)

    def conclude(self, answer: Answer) -> None:
        """The last word on an utterance: a line in the audit log, and the day for whoever was recognised.

        Raises StoreError; an answer that cannot be noted is not given.
        """
        self.statistics.note(answer)
        conclude(answer, self.store, self.enrolled, self.settings, self.admit)

    # Changing

    def check_new_name(self, name: str) -> str:
        """The name as it will be kept. Raises SpeakerError: ``bad_name``, ``name_taken``."""
        return self.enrolled.free_name(name)

    def enroll_new(
        self, name: str, enrollments: Sequence[Enrollment], *, consent: Consent | None = None, within: Within = None
    ) -> EnrollmentOutcome:
        """A new speaker with what was admitted, who belongs to the groups ``within`` which the caller asks.

        Raises SpeakerError: ``bad_name``, ``name_taken``; SpeechError (``not_enough_speech``); InputError
        (``bad_group``); as check_consent.
        """
        with self.enrolled.lock:
            self.refresh()
            self.check_consent(consent)
            cleaned = self.check_new_name(name)
            self._check_amount(enrollments)
            similar = self._recogniser.similar(enrollments, except_for=None, within=within)
            stored = self.store.add_speaker(cleaned, enrollments, consent=consent, groups=check_groups(within or ()))
            return self._enrolled(stored, enrollments, similar)

    def enroll_more(
        self,
        speaker_id: str,
        enrollments: Sequence[Enrollment],
        *,
        consent: Consent | None = None,
        within: Within = None,
    ) -> EnrollmentOutcome:
        """More of somebody enrolled; a ``consent`` takes the place of the one on record.

        Raises SpeakerError (``unknown_speaker``); SpeechError (``not_enough_speech``); as check_consent.
        """
        with self.enrolled.lock:
            self.refresh()
            self.check_consent(consent, speaker_id)
            self._check_amount(enrollments, self.speaker(speaker_id).speech_seconds)
            similar = self._recogniser.similar(enrollments, except_for=speaker_id, within=within)
            stored = self.store.add_enrollments(speaker_id, enrollments, consent=consent)
            return self._enrolled(stored, enrollments, similar)

    def check_consent(self, consent: Consent | None, speaker_id: str | None = None, *, required: bool = False) -> None:
        """Whether somebody may be enrolled with this consent, or the one on record, where one is required.

        Raises InputError: ``consent_missing``, ``consent_expired``, ``bad_consent``; SpeakerError.
        """
        on_record = self.speaker(speaker_id).profile.consent if speaker_id is not None else None
        check_consent(consent)
        if required or self.settings.require_consent:
            require_consent(consent, on_record)

    def rename(self, speaker_id: str, name: str) -> StoredSpeaker:
        """Raises SpeakerError: ``unknown_speaker``, ``bad_name``, ``name_taken``."""
        with self.enrolled.lock:
            self.refresh()
            self.speaker(speaker_id)
            cleaned = self.enrolled.free_name(name, holder_id=speaker_id)
            stored = self.store.rename(speaker_id, cleaned)
            self.enrolled.rename(stored)
            return stored

    def set_groups(self, speaker_id: str, groups: Sequence[str]) -> StoredSpeaker:
        """The groups that a speaker belongs to from now on. Raises SpeakerError, InputError (``bad_group``)."""
        with self.enrolled.lock:
            self.refresh()
            self.speaker(speaker_id)
            stored = self.store.set_groups(speaker_id, check_groups(groups))
            self.enrolled.rename(stored)
            return stored

    def forget(self, speaker_id: str) -> Erasure:
        """Destroy a speaker's key and records, then drop the voice from memory. Raises SpeakerError."""
        with self.enrolled.lock:
            self.refresh()
            gone = self.speaker(speaker_id)
            receipt = self.store.forget(speaker_id)
            self.enrolled.remove(speaker_id)
            return Erasure(gone, receipt)

    # Inside

    def _encode_previous(self, waveform: Waveform) -> NDArray[np.float32] | None:
        """The embedding by the encoder that the store is leaving, while speakers wait for the new one."""
        return self._former.encode(waveform) if self._former and len(self.enrolled.waiting) else None

    def _check_amount(self, enrollments: Sequence[Enrollment], before_seconds: float = 0.0) -> None:
        needed = self.settings.min_enroll_speech_seconds
        check_amount(enrollments, before_seconds=before_seconds, needed_seconds=needed)

    def _enrolled(
        self, stored: StoredSpeaker, added: Sequence[Enrollment], similar: tuple[Match, ...]
    ) -> EnrollmentOutcome:
        whole = self.enrolled.put(stored)
        scores = [float(enrollment.embedding @ whole) for enrollment in stored.enrollments]
        return EnrollmentOutcome(
            speaker=stored,
            added=len(added),
            speech_seconds=sum(enrollment.speech_seconds for enrollment in added),
            consistency=min(scores) if len(scores) > 1 else None,
            similar=similar,
            warnings=tuple({warning.code: warning for one in added for warning in one.warnings}.values()),
        )
