"""Who is speaking, or whether it is the claimed one: from what is known of everybody, and nothing that is kept.

While a store is moved to another encoder, two of them are at work, and what they make is never compared: whoever waits
is in the former one's gallery alone, whoever was enrolled since in the other's alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import Waveform
from voiceprint.decision.policy import Decision, Policy
from voiceprint.decision.templates import template_of
from voiceprint.domain.groups import Within
from voiceprint.domain.match import Match
from voiceprint.domain.speaker import Enrollment
from voiceprint.domain.vocabulary import Mode
from voiceprint.encoding.encoder import Encoder
from voiceprint.gallery.index import Gallery
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.gallery_shift import CANDIDATES, GalleryShift
from voiceprint.service.results import Answer, Voice

__all__ = ["CANDIDATES", "CONFIDENT_SHARE", "PreviousEncoder", "Recogniser"]

Vector = NDArray[np.float32]
# Whoever is enrolled unasked must be recognised at a line that lets through a tenth of the strangers.
CONFIDENT_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class PreviousEncoder:
    """The encoder that the store is being moved away from. ``confident``: its stricter policy, for who is enrolled."""

    encoder: Encoder
    policy: Policy
    confident: Policy

    def encode(self, waveform: Waveform) -> Vector:
        """Its unit vector (dimension,)."""
        vector: Vector = self.encoder.encode([waveform])[0]
        return vector


class Recogniser:
    """``needed_seconds``: of speech, as answers tell it."""

    def __init__(
        self, enrolled: EnrolledSpeakers, policy: Policy, former: PreviousEncoder | None, *, needed_seconds: float
    ) -> None:
        self._enrolled = enrolled
        self._policy = policy
        self._former = former
        self._needed_seconds = needed_seconds
        self._likeness = GalleryShift(enrolled, policy, lambda: enrolled.gallery)
        self._former_likeness = GalleryShift(enrolled, former.policy, lambda: enrolled.waiting) if former else None

    def policy(self, within: Within = None) -> Policy:
        """As it decides among those who may be met."""
        return replace(self._policy, score_shift=self._likeness.score_shift(within))

    def identify(self, voices: Sequence[Voice], *, top_k: int = 5, within: Within = None) -> list[Answer]:
        """Who is speaking in each, among everybody enrolled (``within`` groups); strangers are ``unknown``."""
        enrolled, count = self._enrolled, max(top_k, CANDIDATES)
        found = _search_all(enrolled.gallery, [voice.embedding for voice in voices], count, enrolled.ids(within))
        return [
            self._identify(voice, matches, top_k=top_k, within=within)
            for voice, matches in zip(voices, found, strict=True)
        ]

    def verify(
        self, speaker_id: str, voice: Voice, *, hide_unknown_claims: bool = False, within: Within = None
    ) -> Answer:
        """The decision on one claim; ``not_enrolled`` for an unknown id.

        With ``hide_unknown_claims`` an unknown id costs the same work and is answered as a wrong claim.
        """
        enrolled = self._enrolled
        met = enrolled.is_within(speaker_id, within)
        if self._former is not None and met and speaker_id in enrolled.waiting:
            template = enrolled.waiting.template(speaker_id)
            policy = self._formerly(self._former.policy, within)
            decision = self._compare(policy, template, voice, voice.former, speaker_id)
            return self._answer("verify", decision, voice, (), claimed_id=speaker_id)
        there = met and speaker_id in enrolled.gallery
        if not there and not hide_unknown_claims:
            nobody = Decision("not_enrolled", None, None, 0.0, None, None, "nobody is enrolled with that id")
            return self._answer("verify", nobody, voice, ())
        template = enrolled.gallery.template(speaker_id) if there else enrolled.dummy_template
        decision = self._compare(self.policy(within), template, voice, voice.embedding, speaker_id, there=there)
        if not there and decision.status == "accepted":  # nobody sounds like the decoy but by accident
            decision = replace(decision, status="rejected", speaker_id=None)
        return self._answer("verify", decision, voice, (), claimed_id=speaker_id if there else None)

    def similar(
        self, enrollments: Sequence[Enrollment], *, except_for: str | None, within: Within
    ) -> tuple[Match, ...]:
        """Others ``within`` who sound like what is to be enrolled: told to the operator, never merged."""
        new, enrolled = template_of(enrollments), self._enrolled
        closest = enrolled.gallery.search(new, CANDIDATES, among=enrolled.ids(within))
        return self.policy(within).similar(
            [match for match in closest if match.speaker_id != except_for],
            embedding=new,
            speech_seconds=sum(enrollment.speech_seconds for enrollment in enrollments),
            gallery_size=enrolled.count(within),
            enrolled_seconds=enrolled.enrolled_seconds,
        )

    # Inside

    def _identify(self, voice: Voice, matches: list[Match], *, top_k: int, within: Within) -> Answer:
        enrolled, enrolls = self._enrolled, False
        size = enrolled.count(within)
        decision = self._decide(self.policy(within), matches, voice, voice.embedding, size)
        if decision.status == "unknown" and self._former is not None and voice.former is not None:
            found = enrolled.waiting.search(voice.former, max(top_k, CANDIDATES), among=enrolled.ids(within))
            other = self._decide(self._formerly(self._former.policy, within), found, voice, voice.former, size)
            if other.status in ("identified", "ambiguous"):
                stricter = self._formerly(self._former.confident, within)
                confident = self._decide(stricter, found, voice, voice.former, size)
                enrolls = (confident.status, confident.speaker_id) == ("identified", other.speaker_id)
                decision, matches = replace(other, rule=f"{other.rule}; by the former encoder"), found
        answer = self._answer("identify", decision, voice, tuple(matches[:top_k]))
        return replace(answer, enrolls=enrolls and not voice.several)

    def _formerly(self, policy: Policy, within: Within) -> Policy:
        """One of the former encoder's, among those who wait."""
        return (
            policy
            if self._former_likeness is None
            else replace(policy, score_shift=self._former_likeness.score_shift(within))
        )

    def _decide(
        self, policy: Policy, matches: list[Match], voice: Voice, embedding: Vector | None, gallery_size: int
    ) -> Decision:
        """For a gallery of everybody on both sides, so that strangers meet the same promise as with one encoder."""
        return policy.identify(
            matches,
            embedding=embedding,
            speech_seconds=voice.utterance.speech_seconds,
            gallery_size=gallery_size,
            enrolled_seconds=self._enrolled.enrolled_seconds,
        )

    def _compare(
        self,
        policy: Policy,
        template: Vector,
        voice: Voice,
        embedding: Vector | None,
        speaker_id: str,
        *,
        there: bool = True,
    ) -> Decision:
        score = None if embedding is None else float(np.clip(template @ embedding, -1.0, 1.0))
        return policy.verify(
            score,
            speaker_id=speaker_id,
            embedding=embedding,
            speech_seconds=voice.utterance.speech_seconds,
            enrolled_seconds=self._enrolled.enrolled_seconds(speaker_id) if there else None,
        )

    def _answer(
        self, mode: Mode, decision: Decision, voice: Voice, candidates: tuple[Match, ...], claimed_id: str | None = None
    ) -> Answer:
        if voice.several:
            decision = replace(decision, rule=f"{decision.rule}; more than one voice seems to speak")
        return Answer(mode, decision, candidates, voice.utterance, self._needed_seconds, voice.several, claimed_id)


def _search_all(
    gallery: Gallery, embeddings: Sequence[Vector | None], top_k: int, among: set[str] | None
) -> list[list[Match]]:
    """The closest to each; nobody to what could not be encoded."""
    if among is None and len(embeddings) > 1 and all(embedding is not None for embedding in embeddings):
        return gallery.search_many(np.stack([embedding for embedding in embeddings if embedding is not None]), top_k)
    return [[] if embedding is None else gallery.search(embedding, top_k, among=among) for embedding in embeddings]
