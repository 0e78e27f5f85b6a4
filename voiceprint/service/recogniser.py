"""Identification and verification of a probe against the enrolled speakers, in memory.

While a store is migrated, two encoders are at work and their embeddings are never compared: a speaker pending
reenrollment is in the gallery of the previous encoder alone, every other speaker in that of the store's encoder alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import Waveform
from voiceprint.decision.outcome import Decision, EnrolledVoices
from voiceprint.decision.policy import Policy
from voiceprint.decision.templates import template_of
from voiceprint.domain.groups import Within
from voiceprint.domain.match import Match
from voiceprint.domain.speaker import Enrollment
from voiceprint.domain.vocabulary import Mode
from voiceprint.encoding.encoder import Encoder
from voiceprint.gallery.index import Gallery
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.gallery_shift import CANDIDATES, GalleryShift
from voiceprint.service.results import Answer, EncodedUtterance
from voiceprint.service.scope import Scope

__all__ = ["CANDIDATES", "CONFIDENT_SHARE", "PreviousEncoder", "Recogniser"]

Vector = NDArray[np.float32]
# A speaker reenrolled by being recognised must score above a threshold that names a tenth of the impostors.
CONFIDENT_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class PreviousEncoder:
    """The encoder that the store is leaving.

    ``confident``: its stricter policy, for reenrollment.
    """

    encoder: Encoder
    policy: Policy
    confident: Policy

    def encode(self, waveform: Waveform) -> Vector:
        """Unit embedding (dimension,) of a waveform."""
        vector: Vector = self.encoder.encode([waveform])[0]
        return vector


class Recogniser:
    """Decides on probes. ``needed_seconds``: of speech, as answers state it."""

    def __init__(
        self, enrolled: EnrolledSpeakers, policy: Policy, previous: PreviousEncoder | None, *, needed_seconds: float
    ) -> None:
        self._enrolled = enrolled
        self._policy = policy
        self._previous = previous
        self._needed_seconds = needed_seconds
        self._gallery_shift = GalleryShift(enrolled, policy, lambda scope: scope.gallery)
        self._previous_shift = (
            GalleryShift(enrolled, previous.policy, lambda scope: scope.pending) if previous else None
        )

    def policy(self, within: Within = None) -> Policy:
        """The policy for the gallery of these groups, with its score shift."""
        return self._gallery_shift.policy(within)

    def note(self, answer: Answer) -> None:
        """Take in a final answer: a take without a name shows how alike impostors sound here."""
        if answer.mode == "identify":
            self._gallery_shift.note(answer.decision)

    def identify(self, probes: Sequence[EncodedUtterance], *, top_k: int = 5, within: Within = None) -> list[Answer]:
        """An answer for each probe, among the speakers of the groups; an impostor is ``unknown``."""
        scope, count = self._enrolled.scope(within), max(top_k, CANDIDATES)
        found = _search_all(scope.gallery, [probe.embedding for probe in probes], count, scope.ids(within))
        return [
            self._identify(scope, probe, matches, top_k=top_k, within=within)
            for probe, matches in zip(probes, found, strict=True)
        ]

    def verify(
        self, speaker_id: str, probe: EncodedUtterance, *, hide_unknown_claims: bool = False, within: Within = None
    ) -> Answer:
        """The answer to a claim; ``not_enrolled`` for an unknown id.

        With ``hide_unknown_claims`` an unknown id costs the same work and is answered as a wrong claim.
        """
        scope = self._enrolled.scope(within)
        met = scope.is_within(speaker_id, within)
        if self._previous is not None and met and speaker_id in scope.pending:
            template = scope.pending.template(speaker_id)
            policy = self._previous_policy(self._previous.policy, within)
            decision = self._compare(scope, policy, template, probe, probe.previous_embedding, speaker_id, within)
            return self._answer("verify", decision, probe, (), claimed_id=speaker_id)
        there = met and speaker_id in scope.gallery
        if not there and not hide_unknown_claims:
            no_claim = Decision("not_enrolled", None, None, 0.0, None, None, "nobody is enrolled with that id")
            return self._answer("verify", no_claim, probe, ())
        template = scope.gallery.template(speaker_id) if there else self._enrolled.dummy_template
        decision = self._compare(scope, self.policy(within), template, probe, probe.embedding, speaker_id, within)
        if not there and decision.status == "accepted":  # an accidental match of the dummy template
            decision = replace(decision, status="rejected", speaker_id=None)
        return self._answer("verify", decision, probe, (), claimed_id=speaker_id if there else None)

    def similar(
        self, enrollments: Sequence[Enrollment], *, except_for: str | None, within: Within
    ) -> tuple[Match, ...]:
        """Speakers of the groups with templates close to the new enrollments.

        They are reported to the operator, never merged.
        """
        new, scope = template_of(enrollments), self._enrolled.scope(within)
        closest = scope.gallery.search(new, CANDIDATES, among=scope.ids(within))
        return self.policy(within).similar(
            [match for match in closest if match.speaker_id != except_for],
            embedding=new,
            speech_seconds=sum(enrollment.speech_seconds for enrollment in enrollments),
            gallery_size=scope.count(within),
            enrolled=partial(scope.voices, scope.gallery),
        )

    # Inside

    def _identify(
        self, scope: Scope, probe: EncodedUtterance, matches: list[Match], *, top_k: int, within: Within
    ) -> Answer:
        enrolls, decide = False, partial(self._decide, scope, probe, within)
        decision = decide(self.policy(within), matches, probe.embedding, scope.gallery)
        if decision.status == "unknown" and self._previous is not None and probe.previous_embedding is not None:
            found = scope.pending.search(probe.previous_embedding, max(top_k, CANDIDATES), among=scope.ids(within))
            policy = self._previous_policy(self._previous.policy, within)
            other = decide(policy, found, probe.previous_embedding, scope.pending)
            if other.status in ("identified", "ambiguous"):
                stricter = self._previous_policy(self._previous.confident, within)
                confident = decide(stricter, found, probe.previous_embedding, scope.pending)
                enrolls = (confident.status, confident.speaker_id) == ("identified", other.speaker_id)
                decision, matches = replace(other, rule=f"{other.rule}; by the former encoder"), found
        answer = self._answer("identify", decision, probe, tuple(matches[:top_k]))
        return replace(answer, enrolls=enrolls and not probe.multiple_speakers)

    def _previous_policy(self, policy: Policy, within: Within) -> Policy:
        """A policy with the score shift among the speakers pending reenrollment."""
        return policy if self._previous_shift is None else self._previous_shift.policy(within, policy=policy)

    def _decide(
        self,
        scope: Scope,
        probe: EncodedUtterance,
        within: Within,
        policy: Policy,
        matches: list[Match],
        embedding: Vector | None,
        gallery: Gallery,
    ) -> Decision:
        """The decision for a gallery of both encoders' speakers: the FPIR of one encoder."""
        return policy.identify(
            matches,
            embedding=embedding,
            speech_seconds=probe.utterance.speech_seconds,
            gallery_size=scope.count(within),
            enrolled=partial(scope.voices, gallery),
        )

    def _compare(
        self,
        scope: Scope,
        policy: Policy,
        template: Vector,
        probe: EncodedUtterance,
        embedding: Vector | None,
        speaker_id: str,
        within: Within,
    ) -> Decision:
        score = None if embedding is None else float(np.clip(template @ embedding, -1.0, 1.0))
        seconds = scope.enrolled_seconds(speaker_id)
        return policy.verify(
            score,
            speaker_id=speaker_id,
            embedding=embedding,
            speech_seconds=probe.utterance.speech_seconds,
            gallery_size=scope.count(within),
            enrolled=lambda _: EnrolledVoices([seconds], template[None]),
        )

    def _answer(
        self,
        mode: Mode,
        decision: Decision,
        probe: EncodedUtterance,
        candidates: tuple[Match, ...],
        claimed_id: str | None = None,
    ) -> Answer:
        if probe.multiple_speakers:
            decision = replace(decision, rule=f"{decision.rule}; more than one voice seems to speak")
        return Answer(
            mode, decision, candidates, probe.utterance, self._needed_seconds, probe.multiple_speakers, claimed_id
        )


def _search_all(
    gallery: Gallery, embeddings: Sequence[Vector | None], top_k: int, among: set[str] | None
) -> list[list[Match]]:
    """The closest matches of each embedding; none where there is no embedding."""
    if among is None and len(embeddings) > 1 and all(embedding is not None for embedding in embeddings):
        return gallery.search_many(np.stack([embedding for embedding in embeddings if embedding is not None]), top_k)
    return [[] if embedding is None else gallery.search(embedding, top_k, among=among) for embedding in embeddings]
