"""Impostor score shift of a gallery: how far its threshold lies, for a typical probe, from that of a one-device place.

In step with its speakers, each of whom is an impostor to all others, and with the takes that got no name.
"""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.outcome import Decision, Enrolled
from voiceprint.decision.policy import Policy
from voiceprint.domain.groups import Within
from voiceprint.domain.match import Match
from voiceprint.gallery.index import Gallery
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.scope import Scope

__all__ = ["CANDIDATES", "TAKES_KEPT", "GalleryShift"]

# Number of closest speakers on which a decision is made.
CANDIDATES = 10
# So many speakers are a sample large enough; a larger gallery is sampled again when one in so many changed.
SAMPLE_SIZE = 64
# Half as many impostors as promised are as alike as two entries of one person. Where more than a third of the sample
# meets such a speaker, it is the place that makes them alike.
DUPLICATE_SHARE, MOST_DUPLICATES = 0.5, 1 / 3
# Of takes without a name, the latest so many count: one number each, no voice. They are gone after a restart.
TAKES_KEPT = 200

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Found:
    changes: int
    size: int
    score_shift: float


class GalleryShift:
    """Score shift (see ``place``) among the speakers of some groups, for one encoder."""

    def __init__(self, enrolled: EnrolledSpeakers, policy: Policy, gallery: Callable[[Scope], Gallery]) -> None:
        """``gallery``: that encoder's gallery of a scope."""
        self._enrolled = enrolled
        self._policy = policy
        self._gallery = gallery
        self._found: WeakKeyDictionary[Scope, dict[Within, _Found]] = WeakKeyDictionary()
        self._takes: deque[float] = deque(maxlen=TAKES_KEPT)

    def policy(self, within: Within = None, *, policy: Policy | None = None) -> Policy:
        """The policy, or another of the same encoder, as it decides among the speakers of these groups."""
        shifted = replace(policy or self._policy, score_shift=self.score_shift(within))
        return shifted.with_takes(tuple(self._takes))

    def note(self, decision: Decision) -> None:
        """Take in the final decision on a take."""
        if decision.status == "unknown" and decision.excess is not None:
            self._takes.append(decision.excess)

    def score_shift(self, within: Within = None) -> float:
        """Score shift of a typical probe in llr, as the enrolled show it; 0 for one, and for voices not in memory."""
        scope = self._enrolled.loaded(within)
        if scope is None:
            return 0.0
        of_scope = self._found.setdefault(scope, {})
        found = of_scope.get(within)
        if found is None or not _holds(found, scope.changes):
            found = of_scope[within] = self._find(scope, within)
        return found.score_shift

    def _find(self, scope: Scope, within: Within) -> _Found:
        with self._enrolled.lock:  # no speaker is added or removed meanwhile
            gallery, allowed = self._gallery(scope), scope.ids(within)
            ids = gallery.ids() if allowed is None else [speaker_id for speaker_id in allowed if speaker_id in gallery]
            score_shift = self._shift(scope, ids, allowed) if len(ids) >= 2 else 0.0
            return _Found(scope.changes, len(ids), score_shift)

    def _shift(self, scope: Scope, ids: list[str], allowed: set[str] | None) -> float:
        gallery = self._gallery(scope)
        sample = heapq.nsmallest(SAMPLE_SIZE, ids)  # ids are random numbers
        templates = np.stack([gallery.template(speaker_id) for speaker_id in sample])
        if allowed is None:
            found = gallery.search_many(templates, CANDIDATES + 1)
        else:
            found = [gallery.search(template, CANDIDATES + 1, among=allowed) for template in templates]
        others = [
            [match for match in matches if match.speaker_id != speaker_id]
            for speaker_id, matches in zip(sample, found, strict=True)
        ]
        return self._shift_among(scope, sample, templates, others, len(ids))

    def _shift_among(
        self, scope: Scope, sample: list[str], templates: Vectors, others: list[list[Match]], size: int
    ) -> float:
        """Score shift of templates (n, d) that meet these others, duplicate speakers left out.

        One person under two names is no impostor.
        """
        seconds = [scope.enrolled_seconds(speaker_id) for speaker_id in sample]
        voices = partial(scope.voices, self._gallery(scope))
        policy = replace(self._policy, target_fpir=self._policy.target_fpir * DUPLICATE_SHARE)
        left = [
            _without(
                matches,
                policy.similar(
                    matches,
                    embedding=template,
                    speech_seconds=spoken,
                    gallery_size=size,
                    enrolled=voices,
                ),
            )
            for template, matches, spoken in zip(templates, others, seconds, strict=True)
        ]
        concerned = sum(some != every for some, every in zip(left, others, strict=True))
        if not 0 < concerned <= MOST_DUPLICATES * len(sample):
            return self._shift_of(voices, templates, others, seconds, size)
        meets = [at for at, matches in enumerate(left) if matches]
        rest = [left[at] for at in meets], [seconds[at] for at in meets]
        return self._shift_of(voices, templates[meets], *rest, size)

    def _shift_of(
        self, voices: Enrolled, templates: Vectors, others: list[list[Match]], seconds: list[float], size: int
    ) -> float:
        return self._policy.score_shift_among(
            others,
            embeddings=templates,
            speech_seconds=seconds,
            gallery_size=size,
            enrolled=voices,
        )


def _holds(found: _Found, changes: int) -> bool:
    changed = changes - found.changes
    return changed == 0 or changed * SAMPLE_SIZE <= found.size - SAMPLE_SIZE


def _without(matches: list[Match], duplicates: Sequence[Match]) -> list[Match]:
    ids = {duplicate.speaker_id for duplicate in duplicates}
    return [match for match in matches if match.speaker_id not in ids]
