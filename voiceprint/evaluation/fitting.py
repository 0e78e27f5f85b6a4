"""Fits a calibration to samples of many speakers: logistic regression for the llr, a Gumbel tail for the threshold."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import (
    VERSION,
    Calibration,
    Cohort,
    Evidence,
    Tail,
    Weights,
    cohort_bytes,
)
from voiceprint.errors import InputError
from voiceprint.evaluation.impostor_tail import fit_nearest, fit_tail, score_shift_in
from voiceprint.evaluation.metrics import cllr, cllr_min
from voiceprint.evaluation.samples import ENROLLED_CLIPS, Sample
from voiceprint.evaluation.trials import Trials, find_duplicate_speakers, make_trials

__all__ = ["COHORT_TOP", "fit"]

Floats = NDArray[np.float64]
COHORT_TOP = 30
MIN_SPEAKERS = 20
SEED = 0
# Of people who are named rightly without a margin, at most this share may become "ambiguous".
MARGIN_COST = 0.01
NONTARGETS_KEPT = 200_000


def fit(samples: Sequence[Sample], cohort: Cohort | None, *, encoder: str, fingerprint: str) -> Calibration:
    """Raises InputError (``too_few_speakers``) where nothing can be learned from so few."""
    duplicates = {second for _, second, _ in find_duplicate_speakers(samples)}
    trials = make_trials([sample for sample in samples if sample.speaker not in duplicates], cohort)
    people = {who.speaker for who in trials.enrolled if who.clips == ENROLLED_CLIPS}
    if len(people) < MIN_SPEAKERS:
        raise InputError(
            "too_few_speakers",
            f"A calibration needs {MIN_SPEAKERS} speakers with {ENROLLED_CLIPS} recordings each, not {len(people)}.",
        )
    features = trials.features()
    target, nontarget = features[trials.same & trials.fair], _some(features[~trials.same])
    row = _regress(target, nontarget, use_impostor=cohort is not None)
    weights = Weights(**dict(zip(Weights.__struct_fields__, row.tolist(), strict=True)))
    llr = features @ row
    between = trials.llr_between(weights)
    nearest = fit_nearest(trials, between)
    tail, largest = fit_tail(trials, llr, lambda gallery: score_shift_in(gallery, between, nearest))
    asked = np.array([who.clips == ENROLLED_CLIPS for who in trials.enrolled])[None]
    own = llr[trials.same & trials.fair & asked]
    return Calibration(
        version=VERSION,
        encoder=encoder,
        encoder_sha256=fingerprint,
        created=datetime.now(UTC).date().isoformat(),
        weights=weights,
        tail=tail,
        margin=_fit_margin(trials, llr, tail),
        cohort_sha256=hashlib.sha256(cohort_bytes(cohort)).hexdigest() if cohort else None,
        cohort_dimension=cohort.vectors.shape[1] if cohort else 0,
        cohort_top=cohort.top if cohort else 0,
        nearest=nearest,
        evidence=Evidence(
            speakers=len({probe.speaker for probe in trials.probes}),
            target_trials=len(target),
            nontarget_trials=int((~trials.same).sum()),
            largest_gallery=largest,
            cllr=cllr(target @ row, nontarget @ row),
            cllr_min=cllr_min(target @ row, nontarget @ row),
            target_llr=tuple(np.quantile(own, np.linspace(0, 1, 101)).tolist()),
            impostor=float(np.median(trials.impostor)),
            enrolled_seconds=float(np.median([who.seconds for who in trials.enrolled if who.clips == ENROLLED_CLIPS])),
        ),
    )


def _some(rows: Floats) -> Floats:
    """A fixed random part of very many."""
    if len(rows) <= NONTARGETS_KEPT:
        return rows
    return rows[np.random.default_rng(SEED).choice(len(rows), NONTARGETS_KEPT, replace=False)]


def _regress(target: Floats, nontarget: Floats, *, use_impostor: bool) -> Floats:
    """Weights (5,) of the log-likelihood ratio: both kinds of trials count the same, by Newton's method."""
    used = np.array([True, True, use_impostor, True, True])
    x = np.concatenate([target, nontarget])[:, used]
    y = np.concatenate([np.ones(len(target)), np.zeros(len(nontarget))])
    share = np.concatenate([np.full(len(target), 0.5 / len(target)), np.full(len(nontarget), 0.5 / len(nontarget))])
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -500, 500)))
        slope = x.T @ (share * (p - y)) + 1e-6 * weights
        curve = (x * (share * p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    whole = np.zeros(len(used))
    whole[used] = weights
    return whole


def _fit_margin(trials: Trials, llr: Floats, tail: Tail) -> float:
    """The largest margin (llr) that turns at most MARGIN_COST of the rightly named into "ambiguous"."""
    able = trials.templates_of(ENROLLED_CLIPS)
    line = tail.location + tail.per_log_speaker * np.log(len(able)) - tail.scale * np.log(-np.log(0.99))
    own = (trials.same & trials.fair)[:, able].any(axis=1)
    scores = llr[own][:, able]
    mine = np.where(trials.same[own][:, able], scores, -np.inf).max(axis=1)
    other = np.where(trials.same[own][:, able], -np.inf, scores).max(axis=1)
    gap = (mine - other)[(mine >= line) & (mine > other)]
    return float(np.quantile(gap, MARGIN_COST)) if len(gap) else 0.0
