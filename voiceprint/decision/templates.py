"""What the gallery holds of a speaker: one unit vector for all of their enrollments."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.speaker import Enrollment

__all__ = ["template", "template_of", "templates_of"]

Vector = NDArray[np.float32]


def template(embeddings: Vector) -> Vector:
    """One unit vector (d,) for all enrollments (n, d) of a speaker: the direction of their mean.

    Weighting by length, or keeping all and taking the best, made more mistakes on real speech.
    """
    mean = embeddings.mean(axis=0)
    unit: Vector = (mean / np.linalg.norm(mean)).astype(np.float32)
    return unit


def template_of(enrollments: Sequence[Enrollment]) -> Vector:
    """The template (dimension,) of one or more enrollments."""
    return template(np.stack([enrollment.embedding for enrollment in enrollments]))


def templates_of(embeddings: Vector, counts: NDArray[np.int64]) -> Vector:
    """``template_of`` for many speakers at once, to the last bit or two the same: (speakers, dimension).

    ``embeddings``: (n, dimension), one speaker after another; ``counts``: how many each has, one at least.
    """
    sums = embeddings if len(embeddings) == len(counts) else np.add.reduceat(embeddings, np.cumsum(counts) - counts)
    templates: Vector = sums / np.sqrt(np.einsum("nd,nd->n", sums, sums))[:, None]
    return templates
