"""Impostor score shift of a gallery: each of its speakers is an impostor to all others."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voiceprint.decision.policy import Policy
from voiceprint.domain.groups import Within
from voiceprint.gallery.index import Gallery
from voiceprint.service.enrolled import EnrolledSpeakers

__all__ = ["CANDIDATES", "GalleryShift"]

# Number of closest speakers on which a decision is made.
CANDIDATES = 10
# So many speakers are a sample large enough; a larger gallery is sampled again when one in so many changed.
SAMPLE_SIZE = 64


@dataclass(frozen=True, slots=True)
class _Found:
    changes: int
    size: int
    score_shift: float


class GalleryShift:
    """Score shift (see ``calibration``) among the speakers of some groups, for one encoder."""

    def __init__(self, enrolled: EnrolledSpeakers, policy: Policy, gallery: Callable[[], Gallery]) -> None:
        """``gallery``: the current gallery of that encoder."""
        self._enrolled = enrolled
        self._policy = policy
        self._gallery = gallery
        self._found: dict[Within, _Found] = {}

    def score_shift(self, within: Within = None) -> float:
        """Score shift in llr, 0 or more."""
        found = self._found.get(within)
        if found is None or not self._holds(found):
            found = self._found[within] = self._find(within)
        return found.score_shift

    def _holds(self, found: _Found) -> bool:
        changed = self._enrolled.changes - found.changes
        return changed == 0 or changed * SAMPLE_SIZE <= found.size - SAMPLE_SIZE

    def _find(self, within: Within) -> _Found:
        with self._enrolled.lock:  # no speaker is added or removed meanwhile
            gallery, allowed = self._gallery(), self._enrolled.ids(within)
            ids = gallery.ids() if allowed is None else [speaker_id for speaker_id in allowed if speaker_id in gallery]
            score_shift = self._shift(gallery, ids, allowed) if len(ids) >= 2 else 0.0
            return _Found(self._enrolled.changes, len(ids), score_shift)

    def _shift(self, gallery: Gallery, ids: list[str], allowed: set[str] | None) -> float:
        sample = heapq.nsmallest(SAMPLE_SIZE, ids)  # ids are random numbers
        templates = np.stack([gallery.template(speaker_id) for speaker_id in sample])
        if allowed is None:
            found = gallery.search_many(templates, CANDIDATES + 1)
        else:
            found = [gallery.search(template, CANDIDATES + 1, among=allowed) for template in templates]
        return self._policy.score_shift_among(
            [
                [match for match in matches if match.speaker_id != speaker_id]
                for speaker_id, matches in zip(sample, found, strict=True)
            ],
            embeddings=templates,
            speech_seconds=[self._enrolled.enrolled_seconds(speaker_id) for speaker_id in sample],
            gallery_size=len(ids),
            enrolled_seconds=self._enrolled.enrolled_seconds,
        )
