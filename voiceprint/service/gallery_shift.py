"""How alike the people of a gallery sound, kept in step with it: each of them is a stranger to the others."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voiceprint.decision.policy import Policy
from voiceprint.domain.groups import Within
from voiceprint.gallery.index import Gallery
from voiceprint.service.enrolled import EnrolledSpeakers

__all__ = ["CANDIDATES", "GalleryShift"]

# How many of the closest speakers are looked at before one is decided for.
CANDIDATES = 10
# So many people show it well enough; in a larger gallery it is found anew when one in so many changed.
MOST_ASKED = 64


@dataclass(frozen=True, slots=True)
class _Found:
    changes: int
    size: int
    score_shift: float


class GalleryShift:
    """The rise (see ``calibration``) among those who may be met, for one encoder's side of what is known."""

    def __init__(self, enrolled: EnrolledSpeakers, policy: Policy, gallery: Callable[[], Gallery]) -> None:
        """``gallery``: where the people of that side are now."""
        self._enrolled = enrolled
        self._policy = policy
        self._gallery = gallery
        self._found: dict[Within, _Found] = {}

    def score_shift(self, within: Within = None) -> float:
        """In llr, 0 or more."""
        found = self._found.get(within)
        if found is None or not self._holds(found):
            found = self._found[within] = self._find(within)
        return found.score_shift

    def _holds(self, found: _Found) -> bool:
        changed = self._enrolled.changes - found.changes
        return changed == 0 or changed * MOST_ASKED <= found.size - MOST_ASKED

    def _find(self, within: Within) -> _Found:
        with self._enrolled.lock:  # nobody comes or goes meanwhile
            gallery, met = self._gallery(), self._enrolled.ids(within)
            ids = gallery.ids() if met is None else [who for who in met if who in gallery]
            score_shift = self._rise(gallery, ids, met) if len(ids) >= 2 else 0.0
            return _Found(self._enrolled.changes, len(ids), score_shift)

    def _rise(self, gallery: Gallery, ids: list[str], met: set[str] | None) -> float:
        asked = heapq.nsmallest(MOST_ASKED, ids)  # ids are random numbers
        templates = np.stack([gallery.template(speaker_id) for speaker_id in asked])
        if met is None:
            found = gallery.search_many(templates, CANDIDATES + 1)
        else:
            found = [gallery.search(template, CANDIDATES + 1, among=met) for template in templates]
        return self._policy.score_shift_among(
            [
                [match for match in matches if match.speaker_id != speaker_id]
                for speaker_id, matches in zip(asked, found, strict=True)
            ],
            embeddings=templates,
            speech_seconds=[self._enrolled.enrolled_seconds(speaker_id) for speaker_id in asked],
            gallery_size=len(ids),
            enrolled_seconds=self._enrolled.enrolled_seconds,
        )
