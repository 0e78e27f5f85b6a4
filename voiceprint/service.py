"""VoiceprintService: enroll, identify, verify, forget, rename. The only place that knows all parts.

One way for the data: Waveform -> Utterance (the speech in it) -> Voice (with its embedding) -> Answer or Enrolled.
Nothing here knows about HTTP, asyncio or the command line. Safe to use from several threads.
"""

from collections.abc import Sequence
from http import HTTPStatus
from threading import RLock
from typing import Self

import numpy as np

from voiceprint.config import Settings
from voiceprint.decision.one_voice import sameness, windows_of
from voiceprint.decision.scoring import Decision, Policy
from voiceprint.decision.templates import template_of
from voiceprint.encoder import Encoder
from voiceprint.errors import SpeakerError, SpeechError
from voiceprint.gallery import Gallery, Match
from voiceprint.hearing.audio import Waveform
from voiceprint.hearing.quality import check_for_enrollment
from voiceprint.hearing.speech import Listener, Utterance, VoiceActivity, listen
from voiceprint.messages import Consent, Mode
from voiceprint.names import clean_name
from voiceprint.outcomes import Answer, EnrollmentOutcome, Erasure, Voice
from voiceprint.roster import Roster
from voiceprint.storage.records import Enrollment, StoredSpeaker
from voiceprint.storage.store import Store

__all__ = ["VoiceprintService"]

# Longer speech says no more about who is speaking, and costs memory in proportion.
MAX_ENCODED_SECONDS = 60.0
# How many of the closest speakers are looked at before one is decided for.
_CANDIDATES = 10


class VoiceprintService:
    """Everything voiceprint can do, over one store and one encoder."""

    def __init__(
        self, *, store: Store, encoder: Encoder, activity: VoiceActivity, policy: Policy, settings: Settings
    ) -> None:
        self.encoder = encoder
        self.policy = policy
        self.settings = settings
        self._store = store
        self._activity = activity
        self._lock = RLock()
        self._gallery = Gallery(encoder.dimension)
        self._roster = Roster()
        self._damaged: tuple[str, ...] = ()
        self._seen_version = -1
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._store.close()

    def warm_up(self) -> None:
        """Run everything once, so that the first person who speaks does not wait longer than the second."""
        noise = np.random.default_rng(0).normal(scale=0.1, size=2 * self.encoder.sample_rate).astype(np.float32)
        self.listen(Waveform(noise))
        self.encoder.encode([Waveform(noise)])

    # What is there

    def refresh(self) -> None:
        """Take in what another process wrote to the store; cheap when nothing changed."""
        with self._lock:
            version = self._store.data_version()
            if version == self._seen_version:
                return
            loaded = self._store.load()
            gallery = Gallery(self.encoder.dimension)
            gallery.put_all(
                (speaker.id, template_of(speaker.enrollments)) for speaker in loaded.speakers if speaker.enrollments
            )
            # Readers hold the old objects or the new ones, never a mixture.
            self._gallery = gallery
            self._roster = Roster(loaded.speakers)
            self._damaged = loaded.damaged
            self._seen_version = version

    def speakers(self) -> list[StoredSpeaker]:
        """All enrolled speakers, by name."""
        self.refresh()
        with self._lock:
            return list(self._roster)

    def count(self) -> int:
        """How many speakers are enrolled."""
        self.refresh()
        return len(self._gallery)

    @property
    def damaged(self) -> tuple[str, ...]:
        """Opaque ids of records that do not open; those speakers take no part."""
        return self._damaged

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        """The speaker of that id, if there is one."""
        return self._roster.get(speaker_id)

    def speaker(self, speaker_id: str) -> StoredSpeaker:
        """The speaker of that id. Raises SpeakerError (``unknown_speaker``)."""
        found = self.get(speaker_id)
        if found is None:
            raise SpeakerError("unknown_speaker", "Nobody is enrolled with that id.", status=HTTPStatus.NOT_FOUND)
        return found

    def find(self, name_or_id: str) -> StoredSpeaker | None:
        """The speaker of that id, else of that name, else None."""
        self.refresh()
        with self._lock:
            return self._roster.get(name_or_id) or self._roster.named(name_or_id)

    def knows_clip(self, data: bytes) -> StoredSpeaker | None:
        """The speaker for whom exactly this file was enrolled before, if any."""
        with self._lock:
            return self._roster.with_content(self._store.content_hash(data))

    # Listening

    def listener(self) -> Listener:
        """A new stream to feed with audio."""
        return Listener(self._activity)

    def listen(self, waveform: Waveform) -> Utterance:
        """The speech in a whole recording."""
        return listen(waveform, self._activity)

    def hear(self, waveform: Waveform) -> Voice:
        """The speech in a whole recording, encoded."""
        return self.encode(self.listen(waveform))

    def encode(self, utterance: Utterance) -> Voice:
        """Encode the speech of an utterance (its first minute)."""
        samples = utterance.speech.samples[: int(MAX_ENCODED_SECONDS * self.encoder.sample_rate)]
        if len(samples) < self.encoder.min_num_samples:
            return Voice(utterance, None)
        return Voice(utterance, self.encoder.encode([Waveform(samples)])[0])

    # Answering

    def identify(self, voice: Voice, *, top_k: int = 5) -> Answer:
        """Who is speaking, among everybody enrolled; strangers are ``unknown``."""
        self.refresh()
        gallery = self._gallery
        matches = [] if voice.embedding is None else gallery.search(voice.embedding, max(top_k, _CANDIDATES))
        decision = self.policy.identify(
            matches,
            embedding=voice.embedding,
            speech_seconds=voice.utterance.speech_seconds,
            gallery_size=len(gallery),
            enrolled_seconds=self._enrolled_seconds,
        )
        return self._answer("identify", decision, voice, tuple(matches[:top_k]))

    def verify(self, speaker_id: str, voice: Voice) -> Answer:
        """Is it the claimed speaker? ``not_enrolled`` where nobody has that id."""
        self.refresh()
        if speaker_id not in self._gallery:
            nobody = Decision("not_enrolled", None, None, 0.0, None, None, "nobody is enrolled with that id")
            return self._answer("verify", nobody, voice, ())
        score = None if voice.embedding is None else self._gallery.score(speaker_id, voice.embedding)
        decision = self.policy.verify(
            score,
            speaker_id=speaker_id,
            embedding=voice.embedding,
            speech_seconds=voice.utterance.speech_seconds,
            enrolled_seconds=self._enrolled_seconds(speaker_id),
        )
        return self._answer("verify", decision, voice, (), claimed_id=speaker_id)

    # Changing

    def check_new_name(self, name: str) -> str:
        """The name as it will be kept. Raises SpeakerError: ``bad_name``, ``name_taken``."""
        return self._free_name(name, holder_id=None)

    def enroll_new(
        self, name: str, voices: Sequence[Voice], *, consent: Consent | None = None, clips: Sequence[bytes] = ()
    ) -> EnrollmentOutcome:
        """A new speaker with these takes. ``clips``: the files they came from, so that a second run can skip them."""
        enrollments = self._enrollments(voices, clips)
        with self._lock:
            self.refresh()
            cleaned = self.check_new_name(name)
            similar = self._similar(enrollments, except_for=None)
            stored = self._store.add_speaker(cleaned, enrollments, consent=consent)
            return self._enrolled(stored, enrollments, similar)

    def enroll_more(
        self, speaker_id: str, voices: Sequence[Voice], *, clips: Sequence[bytes] = ()
    ) -> EnrollmentOutcome:
        """More takes for somebody enrolled. Raises SpeakerError (``unknown_speaker``)."""
        enrollments = self._enrollments(voices, clips)
        with self._lock:
            self.refresh()
            self.speaker(speaker_id)
            similar = self._similar(enrollments, except_for=speaker_id)
            stored = self._store.add_enrollments(speaker_id, enrollments)
            return self._enrolled(stored, enrollments, similar)

    def rename(self, speaker_id: str, name: str) -> StoredSpeaker:
        """Raises SpeakerError: ``unknown_speaker``, ``bad_name``, ``name_taken``."""
        with self._lock:
            self.refresh()
            self.speaker(speaker_id)
            cleaned = self._free_name(name, holder_id=speaker_id)
            stored = self._store.rename(speaker_id, cleaned)
            self._roster.put(stored)
            return stored

    def forget(self, speaker_id: str) -> Erasure:
        """Destroy a speaker's key and records, then drop the voice from memory. Raises SpeakerError."""
        with self._lock:
            self.refresh()
            gone = self.speaker(speaker_id)
            receipt = self._store.forget(speaker_id)
            self._roster.remove(speaker_id)
            if speaker_id in self._gallery:
                self._gallery.remove(speaker_id)
            return Erasure(gone, receipt)

    # Inside

    def _free_name(self, name: str, *, holder_id: str | None) -> str:
        cleaned = clean_name(name)
        holder = self._roster.named(cleaned)
        if holder is not None and holder.id != holder_id:
            raise SpeakerError(
                "name_taken", "Somebody is enrolled under this name already.", status=HTTPStatus.CONFLICT
            )
        return cleaned

    def _answer(
        self, mode: Mode, decision: Decision, voice: Voice, candidates: tuple[Match, ...], claimed_id: str | None = None
    ) -> Answer:
        return Answer(
            mode, decision, candidates, voice.utterance, self.settings.min_identify_speech_seconds, claimed_id
        )

    def _enrollments(self, voices: Sequence[Voice], clips: Sequence[bytes]) -> list[Enrollment]:
        made = []
        for number, voice in enumerate(voices):
            check_for_enrollment(voice.utterance, min_speech_seconds=self.settings.min_enroll_speech_seconds)
            assert voice.embedding is not None  # enough speech to enroll is enough to encode
            self._check_one_voice(voice)
            content = self._store.content_hash(clips[number]) if clips else ""
            made.append(Enrollment.new(voice.embedding, voice.utterance.speech_seconds, content))
        return made

    def _check_one_voice(self, voice: Voice) -> None:
        """Two people in one enrollment would make a voiceprint of nobody. Raises SpeechError (``other_speaker``)."""
        line = self.policy.one_voice
        windows = windows_of(voice.utterance.speech) if line is not None else []
        if line is not None and windows and sameness(self.encoder.encode(windows)) < line:
            raise SpeechError(
                "other_speaker", "More than one voice seems to speak; one person at a time can be enrolled."
            )

    def _similar(self, enrollments: Sequence[Enrollment], *, except_for: str | None) -> tuple[Match, ...]:
        """Others who sound like this: told to the operator, never merged."""
        new = template_of(enrollments)
        others = [match for match in self._gallery.search(new, _CANDIDATES) if match.speaker_id != except_for]
        return self.policy.similar(
            others,
            embedding=new,
            speech_seconds=sum(enrollment.speech_seconds for enrollment in enrollments),
            gallery_size=len(self._gallery),
            enrolled_seconds=self._enrolled_seconds,
        )

    def _enrolled_seconds(self, speaker_id: str) -> float:
        speaker = self.get(speaker_id)
        return speaker.speech_seconds if speaker is not None else 0.0

    def _enrolled(
        self, stored: StoredSpeaker, added: Sequence[Enrollment], similar: tuple[Match, ...]
    ) -> EnrollmentOutcome:
        whole = template_of(stored.enrollments)
        self._gallery.put(stored.id, whole)
        self._roster.put(stored)
        scores = [float(enrollment.embedding @ whole) for enrollment in stored.enrollments]
        return EnrollmentOutcome(
            speaker=stored,
            added=len(added),
            speech_seconds=sum(enrollment.speech_seconds for enrollment in added),
            consistency=min(scores) if len(scores) > 1 else None,
            similar=similar,
        )
