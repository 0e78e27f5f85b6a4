"""VoiceprintService: enroll, identify, verify, forget, rename. The only place that knows all parts.

One way for the data: Waveform -> Utterance (the speech in it) -> Voice (with its embedding) -> Answer or Enrolled.
Nothing here knows about HTTP, asyncio or the command line. Safe to use from several threads.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

import numpy as np

from voiceprint.audio.decoding import Waveform
from voiceprint.audio.vad import Listener, Utterance, VoiceActivity, listen
from voiceprint.config import Settings
from voiceprint.decision.policy import Policy
from voiceprint.decision.speaker_change import SpeakerChangeDetector
from voiceprint.domain.consent import check_consent, require_consent
from voiceprint.domain.groups import Within, check_groups, is_within
from voiceprint.domain.match import Match
from voiceprint.domain.speaker import Enrollment, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.encoding.encoder import Encoder
from voiceprint.errors import InputError
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.enrollment import admit
from voiceprint.service.recogniser import PreviousEncoder, Recogniser
from voiceprint.service.results import Answer, EnrollmentOutcome, Erasure, Voice
from voiceprint.service.statistics import Statistics
from voiceprint.storage.maintenance.retention import Retention, Sweep, sweep
from voiceprint.storage.store import Store

__all__ = ["VoiceprintService"]

# Longer speech says no more about who is speaking, and costs memory in proportion.
MAX_ENCODED_SECONDS = 60.0


class VoiceprintService:
    """Everything voiceprint can do, over one store and one encoder."""

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
        self.encoder = encoder
        self.one_voice = policy.one_voice
        self.settings = settings
        self.retention = Retention(unseen_days=settings.unseen_days)
        self.known = EnrolledSpeakers(store, encoder.dimension)
        self.store = store
        self.tally = Statistics()
        self._activity = activity
        self._former = former
        self._recogniser = Recogniser(self.known, policy, former, needed_seconds=settings.min_identify_speech_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.store.close()

    def warm_up(self) -> None:
        """Run everything once, so that the first person who speaks does not wait longer than the second."""
        noise = np.random.default_rng(0).normal(scale=0.1, size=2 * self.encoder.sample_rate).astype(np.float32)
        self.listen(Waveform(noise))
        for encode in (self.encoder.encode, self.encoder.encode_int8):
            encode([Waveform(noise)])

    # What is there

    def refresh(self) -> None:
        """Take in what another process wrote to the store; cheap when nothing changed."""
        self.known.refresh()

    def speakers(self, within: Within = None) -> list[StoredSpeaker]:
        """All enrolled speakers, by name."""
        return [speaker for speaker in self.known.all() if is_within(speaker.profile.groups, within)]

    def count(self, within: Within = None) -> int:
        """How many speakers are enrolled."""
        self.refresh()
        return self.known.count(within)

    def policy(self, within: Within = None) -> Policy:
        """How it is decided among the people who are enrolled now."""
        return self._recogniser.policy(within)

    @property
    def damaged(self) -> tuple[str, ...]:
        """Opaque ids of records that do not open; those speakers take no part."""
        return self.known.damaged

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        """The speaker of that id, if there is one."""
        return self.known.get(speaker_id)

    def speaker(self, speaker_id: str, within: Within = None) -> StoredSpeaker:
        """The speaker of that id. Raises SpeakerError (``unknown_speaker``)."""
        return self.known.speaker(speaker_id, within)

    def content_hash(self, data: bytes) -> str:
        """Keyed hash of a recording's file, to know it again without keeping anything of it."""
        return self.store.content_hash(data)

    # Listening

    def listener(self) -> Listener:
        """A new stream to feed with audio."""
        return Listener(self._activity)

    def listen(self, waveform: Waveform) -> Utterance:
        """The speech in a whole recording."""
        return listen(waveform, self._activity)

    def hear(self, waveform: Waveform) -> Voice:
        """The speech in a whole recording, encoded."""
        utterance = self.listen(waveform)
        return replace(self.encode(utterance), several=self.watch().hears_several(utterance.speech))

    def watch(self) -> SpeakerChangeDetector:
        """For one utterance: whether more than one voice is in it."""
        return SpeakerChangeDetector(self.one_voice, self.encoder.encode_int8, max_seconds=MAX_ENCODED_SECONDS)

    def encode(self, utterance: Utterance, *, quickly: bool = False) -> Voice:
        """Encode the speech of an utterance (its first minute); ``quickly``: nearly so, for a guess."""
        samples = utterance.speech.samples[: int(MAX_ENCODED_SECONDS * self.encoder.sample_rate)]
        if len(samples) < self.encoder.min_num_samples:
            return Voice(utterance, None)
        former = self._former.encode(Waveform(samples)) if self._former and len(self.known.waiting) else None
        encode = self.encoder.encode_int8 if quickly else self.encoder.encode
        return Voice(utterance, encode([Waveform(samples)])[0], former=former)

    def admit(self, utterance: Utterance, content: str = "") -> Enrollment:
        """What this utterance would add to a speaker. ``content``: the keyed hash of the file that it came from.

        Raises SpeechError: not_enough_speech, too_quiet, clipping, noisy, other_speaker.
        """
        return admit(utterance, encode=self.encode, watch=self.watch(), settings=self.settings, content=content)

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
        decision = answer.decision
        self.tally.note(answer)
        recognised = decision.status in ("identified", "accepted")
        subject = answer.claimed_id or (decision.speaker_id if recognised else None)
        with self.known.lock:
            speaker = self.get(subject) if subject else None
            if speaker and recognised and speaker.profile.last_seen != (today := f"{datetime.now(UTC):%Y-%m-%d}"):
                self.known.rename(self.store.touch(speaker.id, today))
            self.store.note("decision", speaker.id if speaker else None, mode=answer.mode, status=decision.status)
            if speaker and answer.enrolls and self.store.enroll_waiting:
                self._enroll_waiting(speaker, answer.utterance)

    # Changing

    def check_new_name(self, name: str) -> str:
        """The name as it will be kept. Raises SpeakerError: ``bad_name``, ``name_taken``."""
        return self.known.free_name(name)

    def enroll_new(
        self, name: str, enrollments: Sequence[Enrollment], *, consent: Consent | None = None, within: Within = None
    ) -> EnrollmentOutcome:
        """A new speaker with what was admitted, who belongs to the groups ``within`` which the caller asks.

        Raises SpeakerError: ``bad_name``, ``name_taken``; InputError (``bad_group``); as check_consent.
        """
        with self.known.lock:
            self.refresh()
            self.check_consent(consent)
            cleaned = self.check_new_name(name)
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

        Raises SpeakerError (``unknown_speaker``); as check_consent.
        """
        with self.known.lock:
            self.refresh()
            self.check_consent(consent, speaker_id)
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
        with self.known.lock:
            self.refresh()
            self.speaker(speaker_id)
            cleaned = self.known.free_name(name, holder_id=speaker_id)
            stored = self.store.rename(speaker_id, cleaned)
            self.known.rename(stored)
            return stored

    def set_groups(self, speaker_id: str, groups: Sequence[str]) -> StoredSpeaker:
        """The groups that a speaker belongs to from now on. Raises SpeakerError, InputError (``bad_group``)."""
        with self.known.lock:
            self.refresh()
            self.speaker(speaker_id)
            stored = self.store.set_groups(speaker_id, check_groups(groups))
            self.known.rename(stored)
            return stored

    def forget(self, speaker_id: str) -> Erasure:
        """Destroy a speaker's key and records, then drop the voice from memory. Raises SpeakerError."""
        with self.known.lock:
            self.refresh()
            gone = self.speaker(speaker_id)
            receipt = self.store.forget(speaker_id)
            self.known.remove(speaker_id)
            return Erasure(gone, receipt)

    def sweep(self) -> Sweep:
        """Erase whose time is over, in the store and in memory. Raises StoreError."""
        with self.known.lock:
            done = sweep(self.store, self.retention, speakers=self.known.all(), at_most_half=True)
            for receipt in done.receipts:
                self.known.remove(receipt.speaker)
            return done

    # Inside

    def _enroll_waiting(self, speaker: StoredSpeaker, utterance: Utterance) -> None:
        """What was just recognised becomes the first enrollment under the new encoder, if it is good enough for one
        and a consent on record still stands; else the speaker goes on waiting.
        """
        consent = speaker.profile.consent
        with suppress(InputError):
            if consent is not None or self.settings.require_consent:
                require_consent(None, consent)
            self.known.put(self.store.add_enrollments(speaker.id, [self.admit(utterance)]))

    def _enrolled(
        self, stored: StoredSpeaker, added: Sequence[Enrollment], similar: tuple[Match, ...]
    ) -> EnrollmentOutcome:
        whole = self.known.put(stored)
        scores = [float(enrollment.embedding @ whole) for enrollment in stored.enrollments]
        return EnrollmentOutcome(
            speaker=stored,
            added=len(added),
            speech_seconds=sum(enrollment.speech_seconds for enrollment in added),
            consistency=min(scores) if len(scores) > 1 else None,
            similar=similar,
        )
