"""How scores become decisions: templates, thresholds, margins. All policy lives here and in the settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voiceprint.gallery import Match

__all__ = ["Decision", "Policy", "template"]

Status = Literal["identified", "unknown", "ambiguous", "not_enough_speech", "accepted", "rejected", "not_enrolled"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided and why. ``score``, ``threshold`` and ``margin`` are cosines; ``rule`` is one plain sentence."""

    status: Status
    speaker_id: str | None
    score: float | None
    threshold: float
    margin: float | None
    probability: float | None
    rule: str


def template(embeddings: NDArray[np.float32], speech_seconds: NDArray[np.float32]) -> NDArray[np.float32]:
    """One unit vector (d,) for all enrollments (n, d) of a speaker: the direction of their mean."""
    del speech_seconds
    mean = embeddings.mean(axis=0)
    unit: NDArray[np.float32] = (mean / np.linalg.norm(mean)).astype(np.float32)
    return unit


@dataclass(frozen=True, slots=True)
class Policy:
    """Fixed threshold and margin, until a calibration takes their place."""

    min_speech_seconds: float
    threshold_at: float = 0.45
    least_margin: float = 0.05

    def threshold(self, gallery_size: int, speech_seconds: float) -> float:
        del gallery_size, speech_seconds
        return self.threshold_at

    def identify(
        self,
        matches: Sequence[Match],
        *,
        embedding: NDArray[np.float32] | None,
        speech_seconds: float,
        gallery_size: int,
    ) -> Decision:
        """Open-set: the best speaker, or nobody, or "two are too close"."""
        del embedding
        threshold = self.threshold(gallery_size, speech_seconds)
        score = matches[0].score if matches else None
        margin = matches[0].score - matches[1].score if len(matches) > 1 else None
        if speech_seconds < self.min_speech_seconds:
            return Decision("not_enough_speech", None, score, threshold, margin, None, "too little speech to decide")
        if score is None or score < threshold:
            return Decision("unknown", None, score, threshold, margin, None, "nobody reaches the threshold")
        if margin is not None and margin < self.least_margin:
            return Decision(
                "ambiguous", None, score, threshold, margin, None, "two speakers are too close to tell apart"
            )
        return Decision(
            "identified", matches[0].speaker_id, score, threshold, margin, None, "best speaker above the threshold"
        )

    def verify(
        self,
        score: float | None,
        *,
        speaker_id: str,
        embedding: NDArray[np.float32] | None,
        speech_seconds: float,
    ) -> Decision:
        """1:1: is this the claimed speaker?"""
        del embedding
        threshold = self.threshold(1, speech_seconds)
        if score is None or speech_seconds < self.min_speech_seconds:
            return Decision("not_enough_speech", None, score, threshold, None, None, "too little speech to decide")
        accepted = score >= threshold
        return Decision(
            "accepted" if accepted else "rejected",
            speaker_id if accepted else None,
            score,
            threshold,
            None,
            None,
            "score at or above the threshold" if accepted else "score below the threshold",
        )
