"""Whether recordings are of the speaker whom they are to be added to, and of one person among themselves."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.outcome import Decision, EnrolledVoices
from voiceprint.decision.policy import Policy
from voiceprint.decision.templates import template_of
from voiceprint.domain.groups import Within
from voiceprint.domain.speaker import Enrollment, StoredSpeaker
from voiceprint.domain.vocabulary import Fit
from voiceprint.errors import SpeechError
from voiceprint.service.enrolled import EnrolledSpeakers

__all__ = ["TakeCheck", "TakeFit"]

# Below the threshold a take is the person's still, while its probability (prior: even; a cautious place) is not lower
# than this, and its score not this much below what the person's own takes let expect. What it costs: docs/decisions.md.
LEAST_PROBABILITY, MOST_BELOW_EXPECTED = 0.08, 0.3
# Of first takes only clear cases are refused: there is no template yet that they could spoil.
LEAST_PROBABILITY_OF_FIRST = 0.03

_NOT_ONE = "These recordings do not sound like one person."


@dataclass(frozen=True, slots=True)
class TakeFit:
    """``consistency``: cosine to the mean of the person's other takes, None for the only one."""

    take: Enrollment
    consistency: float | None
    fit: Fit


class TakeCheck:
    """``policy``: the one of the moment, given the groups in which is looked."""

    def __init__(self, enrolled: EnrolledSpeakers, policy: Callable[[Within], Policy]) -> None:
        self._enrolled = enrolled
        self._policy = policy

    def fits(self, speaker: StoredSpeaker) -> list[TakeFit]:
        """How each take of a speaker fits the others that agree with each other."""
        takes = speaker.enrollments
        if len(takes) < 2:
            return [TakeFit(take, None, "only") for take in takes]
        out = self._disagreeing(takes)
        others = [_without(takes, [at, *out]) or _without(takes, [at]) for at in range(len(takes))]
        return [self._fit(take, some) for take, some in zip(takes, others, strict=True)]

    def fits_of_pending(self, speaker: StoredSpeaker) -> list[TakeFit]:
        """How each pending take of a speaker fits the enrollments; none can be told while reenrollment is pending."""
        if speaker.pending_reenrollment:
            return [TakeFit(take, None, "only") for take in speaker.pending_takes]
        return [self._fit(take, speaker.enrollments) for take in speaker.pending_takes]

    def refusals(
        self, takes: Sequence[Enrollment], speaker: StoredSpeaker | None, within: Within
    ) -> dict[int, SpeechError]:
        """Why takes are not the speaker's (None: a new one), by their number, the clearest reason first.

        Codes: ``sounds_like_other``, ``not_this_speaker``. Where half of them are not, none is taken for the speaker's.
        """
        if speaker is None or speaker.pending_reenrollment:
            found = self._disagreeing(takes)
        else:
            found = [at for at, take in enumerate(takes) if self._is_refused(take, speaker, within)]
        refused = {at: self._refusal(takes[at], speaker, within) for at in found}
        if refused and 2 * len(refused) >= len(takes):
            if speaker is None:
                return dict.fromkeys(range(len(takes)), SpeechError("not_this_speaker", _NOT_ONE))
            most = SpeechError("not_this_speaker", "Most recordings that came with this one are another person's.")
            return refused | {at: most for at in range(len(takes)) if at not in refused}
        return refused

    def same_person(self, speaker: StoredSpeaker, other: StoredSpeaker) -> bool:
        """Whether two entries may be one person's; True where they cannot be compared."""
        if speaker.pending_reenrollment or other.pending_reenrollment:
            return True
        whole = Enrollment.new(template_of(other.enrollments), other.speech_seconds)
        return self._plausible(self._judge(whole, speaker.enrollments))

    # Inside

    def _disagreeing(self, takes: Sequence[Enrollment]) -> list[int]:
        """Those that do not sound like the mean of the others, the worst taken out first."""
        out: list[int] = []
        while len(takes) - len(out) > 1:
            left = [at for at in range(len(takes)) if at not in out]
            judged = {at: self._judge(takes[at], _without(takes, [at, *out])) for at in left}
            worst = min(left, key=lambda at: _closeness(judged[at]))
            if self._plausible(judged[worst], probability=LEAST_PROBABILITY_OF_FIRST):
                return out
            out.append(worst)
        return out

    def _is_refused(self, take: Enrollment, speaker: StoredSpeaker, within: Within) -> bool:
        decision = self._judge(take, speaker.enrollments)
        if not self._plausible(decision, least=_expected(speaker.enrollments) - MOST_BELOW_EXPECTED):
            return True
        return decision.status == "rejected" and self._closest_other(take, speaker, within) is not None

    def _refusal(self, take: Enrollment, speaker: StoredSpeaker | None, within: Within) -> SpeechError:
        if speaker is None:
            return SpeechError("not_this_speaker", "This recording does not sound like the others that came with it.")
        other = self._closest_other(take, speaker, within)
        if other is None:
            return SpeechError("not_this_speaker", f"This recording does not sound like {speaker.name}.")
        return SpeechError(
            "sounds_like_other", f"This recording does not sound like {speaker.name} but like {other.name}."
        )

    def _closest_other(self, take: Enrollment, speaker: StoredSpeaker, within: Within) -> StoredSpeaker | None:
        """The other enrolled speaker as whom the take would be accepted, if there is one."""
        scope = self._enrolled.scope(within)
        for match in scope.gallery.search(take.embedding, 2, among=scope.ids(within)):
            other = scope.get(match.speaker_id)
            if other is not None and other.id != speaker.id:
                decision = self._judge(take, other.enrollments)
                return other if decision.status == "accepted" else None
        return None

    def _fit(self, take: Enrollment, others: Sequence[Enrollment]) -> TakeFit:
        decision = self._judge(take, others)
        word: Fit = "poor"
        if self._plausible(decision, least=_expected(others) - MOST_BELOW_EXPECTED):
            word = "good" if decision.status == "accepted" else "fair"
        return TakeFit(take, decision.score, word)

    def _judge(self, take: Enrollment, others: Sequence[Enrollment]) -> Decision:
        policy, template = _in_any_place(self._policy(None)), template_of(others)
        voices = EnrolledVoices([sum(one.speech_seconds for one in others)], template[None])
        return policy.verify(
            _cosine(template, take.embedding),
            speaker_id="",
            embedding=take.embedding,
            # Short takes are judged like the shortest that may ask, because they are asked about nowhere else.
            speech_seconds=max(take.speech_seconds, policy.min_speech_seconds),
            enrolled=lambda _: voices,
        )

    def _plausible(self, decision: Decision, *, least: float = -1.0, probability: float = LEAST_PROBABILITY) -> bool:
        if decision.status == "accepted" or decision.probability is None:
            return decision.status == "accepted"
        return decision.probability >= probability and (decision.score or 0.0) >= least


def _in_any_place(policy: Policy) -> Policy:
    """The policy without what strangers' takes added: takes are one person's or not, in any gallery."""
    return replace(policy, raised=0.0)


def _expected(takes: Sequence[Enrollment]) -> float:
    """The cosine with the template of these takes that a further one has, if it is as alike as they are; -1 for one."""
    if len(takes) < 2:
        return -1.0
    vectors = np.stack([take.embedding for take in takes])
    count = len(takes)
    # The mean of all mutual cosines, from the length of the sum.
    mutual = max(0.0, float((np.square(vectors.sum(axis=0)).sum() - count) / (count * (count - 1))))
    return mutual * math.sqrt(count / (1 + (count - 1) * mutual))


def _without(takes: Sequence[Enrollment], numbers: Sequence[int]) -> list[Enrollment]:
    return [take for at, take in enumerate(takes) if at not in numbers]


def _closeness(decision: Decision) -> float:
    return (decision.score or 0.0) - decision.threshold


def _cosine(template: NDArray[np.float32], embedding: NDArray[np.float32]) -> float:
    return float(np.clip(template @ embedding, -1.0, 1.0))
