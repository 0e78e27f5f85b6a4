"""A calibration as it would come out for an encoder of 16 dimensions; made up, not measured."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import (
    VERSION,
    Calibration,
    Cohort,
    Evidence,
    Nearest,
    Tail,
    Weights,
    cohort_bytes,
)


def unit_rows(count: int, *, seed: int, dimension: int = 16) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    made: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


COHORT = Cohort(unit_rows(50, seed=1).astype(np.float16).astype(np.float32), top=5)
CALIBRATION = Calibration(
    version=VERSION,
    encoder="made-up",
    encoder_sha256="0" * 64,
    created="2026-01-01",
    weights=Weights(offset=1.0, cosine=20.0, impostor=-15.0, log_speech_seconds=-0.4, log_enrolled_seconds=-1.0),
    tail=Tail(location=-2.5, per_log_speaker=0.8, scale=0.8),
    margin=1.5,
    cohort_sha256=hashlib.sha256(cohort_bytes(COHORT)).hexdigest(),
    cohort_dimension=16,
    cohort_top=5,
    evidence=Evidence(
        speakers=40,
        target_trials=400,
        nontarget_trials=40_000,
        largest_gallery=30,
        cllr=0.12,
        cllr_min=0.11,
        target_llr=tuple(np.linspace(-3, 15, 101).tolist()),
        impostor=0.3,
        enrolled_seconds=10.0,
    ),
    nearest=Nearest(location=-4.0, per_log_speaker=1.5),
)
