"""What is decided, and what it is decided from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Decision", "Enrolled", "EnrolledVoices", "Status"]

Status = Literal["identified", "unknown", "ambiguous", "not_enough_speech", "accepted", "rejected", "not_enrolled"]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided and why. ``score``, ``threshold`` and ``margin`` are cosines (the threshold that of this probe
    and this speaker); ``probability``: from the calibration, None where not known; ``rule``: one plain sentence;
    ``excess``: how far (llr) the best lies above a stranger's usual one.
    """

    status: Status
    speaker_id: str | None
    score: float | None
    threshold: float
    margin: float | None
    probability: float | None
    rule: str
    excess: float | None = None


@dataclass(frozen=True, slots=True)
class EnrolledVoices:
    """What some speakers are enrolled with: ``seconds`` (n,) of speech, ``templates`` (n, dimension)."""

    seconds: Sequence[float]
    templates: Vectors


Enrolled = Callable[[Sequence[str]], EnrolledVoices]
