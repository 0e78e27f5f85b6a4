"""What a calibration promises in a place, as points to draw. ``score_shift``: of the place, see ``place``."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import Calibration
from voiceprint.decision.intervals import Interval

__all__ = ["Separation", "cost_by_fpir", "cost_by_gallery", "separation"]

BINS = 48
FPIRS = tuple(float(f"{value:.3g}") for value in np.geomspace(0.001, 0.2, 24))
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Separation:
    """How far strangers and enrolled people lie apart on the scale of the llr (natural logarithm): the share of each in
    each bin, and the line between them. ``edges`` has one more than the shares.
    """

    edges: tuple[float, ...]
    enrolled: tuple[float, ...]
    strangers: tuple[float, ...]
    threshold: float


def cost_by_fpir(calibration: Calibration, gallery_size: int, score_shift: float) -> list[tuple[float, Interval]]:
    """For each share of strangers who get a name, the share of enrolled people who are missed."""
    return [
        (fpir, calibration.expected_fnir(calibration.threshold(gallery_size, fpir) + score_shift)) for fpir in FPIRS
    ]


def cost_by_gallery(
    calibration: Calibration, target_fpir: float, score_shift: float, *, largest: int
) -> list[tuple[int, Interval]]:
    """The same for galleries of up to ``largest`` people, at the promise that is kept now."""
    sizes = sorted({round(size) for size in np.geomspace(1, max(2, largest), 20)})
    return [(size, calibration.expected_fnir(calibration.threshold(size, target_fpir) + score_shift)) for size in sizes]


def separation(calibration: Calibration, gallery_size: int, target_fpir: float, score_shift: float) -> Separation:
    """Strangers by the best they reach against a gallery of that size, enrolled people by their own template."""
    quantiles = np.array(calibration.evidence.target_llr)
    tail = calibration.tail
    place = calibration.location(gallery_size) + score_shift
    # A hundredth of the strangers lie below the first edge, none to speak of above the last.
    edges = np.linspace(min(place - 2 * tail.scale, quantiles[1]), quantiles[-1], BINS + 1)
    enrolled = np.interp(edges, quantiles, np.linspace(0, 1, len(quantiles)))
    strangers = np.exp(-np.exp(-(edges - place) / tail.scale))
    return Separation(
        edges=_rounded(edges),
        enrolled=_rounded(np.diff(enrolled)),
        strangers=_rounded(np.diff(strangers)),
        threshold=round(calibration.threshold(gallery_size, target_fpir) + score_shift, 4),
    )


def _rounded(values: Vector) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)
