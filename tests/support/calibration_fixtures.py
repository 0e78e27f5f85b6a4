"""A calibration as it would come out for an encoder of 16 dimensions; made up, not measured."""

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import (
    VERSION,
    Calibration,
    Channel,
    Evidence,
    PlaceEvidence,
    Tail,
    Weights,
)
from voiceprint.decision.place import Level, Place


def unit_rows(count: int, *, seed: int, dimension: int = 16) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    made: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


TELEPHONE = unit_rows(1, seed=1)[0]
_OWN, _OWN_ONE = (tuple(np.linspace(low, low + 18, 101).tolist()) for low in (-3, -6))
CALIBRATION = Calibration(
    version=VERSION,
    encoder="made-up",
    encoder_sha256="0" * 64,
    created="2026-01-01",
    weights=Weights(
        offset=-3.5,
        cosine=20.0,
        both_by_telephone=-4.0,
        one_by_telephone=3.0,
        log_speech_seconds=-0.4,
        log_enrolled_seconds=-1.0,
    ),
    tail=Tail(location=1.5, per_log_speaker=0.1, scale=0.8),
    margin=1.5,
    channel=Channel(direction=tuple((2 * TELEPHONE).tolist()), offset=0.0),
    place=Place(
        next_best=Level(location=-5.0, per_log_speaker=1.5),
        unmet=-8.0,
        refused=-0.5,
        one_by_telephone=1.0,
        odds=-3.0,
        odds_per_llr=1.1,
    ),
    evidence=Evidence(
        speakers=40,
        target_trials=400,
        nontarget_trials=40_000,
        largest_gallery=30,
        cllr=0.12,
        cllr_min=0.11,
        target_llr=_OWN,
        target_llr_one=_OWN_ONE,
        enrolled_seconds=10.0,
        places=(PlaceEvidence(name="home", speakers=20, target_llr=_OWN, target_llr_one=_OWN_ONE),),
    ),
)
