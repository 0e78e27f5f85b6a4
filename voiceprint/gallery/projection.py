"""A two-dimensional map of the gallery: similar voices side by side, no template disclosed.

It starts from classical multidimensional scaling: for unit templates, their two widest principal axes. Stress
majorisation (SMACOF: de Leeuw and Heiser, 1980) then moves the points until their distances follow those of the
templates as well as two dimensions allow. Only two coordinates a speaker leave, rounded to hundredths, without a unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Place", "map_voices"]

ROUNDS = 120
# Nearly all voices are far from each other; raised to this power, distances set neighbours apart from the rest.
SPREAD = 3
DECIMALS = 2
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Place:
    """A speaker's point on the map, ``x`` and ``y`` in [-1, 1].

    ``closest_id``: the speaker of the closest template; None without others.
    """

    speaker_id: str
    x: float
    y: float
    closest_id: str | None


def map_voices(templates: Mapping[str, NDArray[np.float32]]) -> list[Place]:
    """The place of each speaker, in order. ``templates``: unit vectors (dimension,) by id."""
    if not templates:
        return []
    ids = list(templates)
    rows = np.stack([templates[speaker_id] for speaker_id in ids]).astype(np.float64)
    cosines = np.clip(rows @ rows.T, -1.0, 1.0)
    points = _fitted(_flattened(rows), np.sqrt(2 - 2 * cosines) ** SPREAD)
    np.fill_diagonal(cosines, -np.inf)
    closest = cosines.argmax(axis=1)
    return [
        Place(
            speaker_id,
            x=round(float(points[i, 0]), DECIMALS),
            y=round(float(points[i, 1]), DECIMALS),
            closest_id=ids[closest[i]] if len(ids) > 1 else None,
        )
        for i, speaker_id in enumerate(ids)
    ]


def _flattened(rows: Matrix) -> Matrix:
    """Points (n, 2) on the two widest principal axes of rows (n, dimension), with stable signs."""
    centred = rows - rows.mean(axis=0)
    left, widths, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(rows), 2))
    kept = min(2, len(widths))
    points[:, :kept] = left[:, :kept] * widths[:kept]
    far = points[np.abs(points).argmax(axis=0), [0, 1]]
    return points * np.where(far < 0, -1.0, 1.0)


def _fitted(points: Matrix, wanted: Matrix) -> Matrix:
    """Points (n, 2) fitted to the wanted distances (n, n), then centred and scaled into [-1, 1]."""
    for _ in range(ROUNDS):
        is_now = np.linalg.norm(points[:, None] - points[None], axis=2)
        pull = -np.divide(wanted, is_now, out=np.zeros_like(wanted), where=is_now > 1e-9)
        np.fill_diagonal(pull, 0.0)
        np.fill_diagonal(pull, -pull.sum(axis=1))
        points = pull @ points / len(points)
    points = points - (points.max(axis=0) + points.min(axis=0)) / 2
    widest = float(np.abs(points).max())
    return points / widest if widest > 0 else points
