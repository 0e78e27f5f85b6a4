"""What the gallery holds of a speaker: one unit vector for all of their enrollments."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.scoring import template
from voiceprint.storage.records import Enrollment

__all__ = ["template_of"]


def template_of(enrollments: Sequence[Enrollment]) -> NDArray[np.float32]:
    """The template (dimension,) of one or more enrollments."""
    return template(
        np.stack([enrollment.embedding for enrollment in enrollments]),
        np.array([enrollment.speech_seconds for enrollment in enrollments], np.float32),
    )
