"""Fits a calibration to samples of many speakers: logistic regression for the llr, a Gumbel tail for the threshold."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from voiceprint.decision.calibration import (
    RECORDINGS,
    VERSION,
    Calibration,
    Channel,
    Evidence,
    PlaceEvidence,
    Weights,
)
from voiceprint.errors import InputError
from voiceprint.evaluation.impostor_tail import fit_tail
from voiceprint.evaluation.metrics import cllr, cllr_min
from voiceprint.evaluation.places import ScoredPlace, fit_channel, make_places, with_all
from voiceprint.evaluation.regression import logistic
from voiceprint.evaluation.samples import Sample
from voiceprint.evaluation.trials import Trials, find_duplicate_speakers

__all__ = ["fit"]

Floats = NDArray[np.float64]
MIN_SPEAKERS = 20
SEED = 0
# Of people who are named rightly without a margin, at most this share may become "ambiguous".
MARGIN_COST, TARGET_FPIR = 0.01, 0.01
# Of one place; a fixed random part of more.
NONTARGETS_KEPT = 40_000


def fit(
    samples: Sequence[Sample],
    telephone: Sequence[Sample] = (),
    *,
    encoder: str,
    fingerprint: str,
    channel: Channel | None = None,
) -> Calibration:
    """Raises InputError (``too_few_speakers``) where nothing can be learned from so few.

    ``telephone``: the whole recordings of ``samples`` once more, by telephone; without them ``channel`` stands.
    """
    twins = {second for _, second, _ in find_duplicate_speakers(samples)}
    samples, telephone = ([one for one in some if one.speaker not in twins] for some in (samples, telephone))
    channel = fit_channel(samples, telephone) or channel
    trials = make_places(samples, telephone, channel)
    speakers = {one.speaker for _, place in trials for one in place.enrolled if one.clips == RECORDINGS}
    if len(speakers) < MIN_SPEAKERS:
        raise InputError(
            "too_few_speakers",
            f"A calibration needs {MIN_SPEAKERS} speakers with {RECORDINGS} recordings each, not {len(speakers)}.",
        )
    features = [_features(place) for _, place in trials]
    row = _regress(features, use_telephone=channel is not None)
    weights = Weights(**dict(zip(Weights.__struct_fields__, row.tolist(), strict=True)))
    places = [ScoredPlace.of(name, place, weights) for name, place in trials]
    tail, place, _ = fit_tail([*places, *with_all(samples, channel, weights)])
    fitted = Calibration(
        version=VERSION,
        encoder=encoder,
        encoder_sha256=fingerprint,
        created=datetime.now(UTC).date().isoformat(),
        weights=weights,
        tail=tail,
        margin=0.0,
        channel=channel,
        place=place,
        evidence=_evidence(places, [(target @ row, nontarget @ row) for target, nontarget in features]),
    )
    return structs.replace(fitted, margin=_fit_margin(places, fitted))


def _features(trials: Trials) -> tuple[Floats, Floats]:
    """Of target trials (n, 6) and of nontarget ones (m, 6)."""
    features = trials.features()
    other = features[~trials.same]
    if len(other) > NONTARGETS_KEPT:
        other = other[np.random.default_rng(SEED).choice(len(other), NONTARGETS_KEPT, replace=False)]
    return features[trials.same & trials.fair], other


def _regress(places: Sequence[tuple[Floats, Floats]], *, use_telephone: bool) -> Floats:
    """Weights (6,) of the log-likelihood ratio, by Newton's method: both kinds of trials count the same, and a place by
    the root of its target trials, so that none is drowned.
    """
    used = np.array([True, True, use_telephone, use_telephone, True, True])
    importance = [np.sqrt(len(target)) for target, _ in places]
    x, y, share = [], [], []
    for kind in (0, 1):
        for place, counts in zip(places, importance, strict=True):
            x.append(place[kind][:, used])
            y.append(np.full(len(place[kind]), 1.0 - kind))
            share.append(np.full(len(place[kind]), 0.5 * counts / len(place[kind]) / sum(importance)))
    whole = np.zeros(len(used))
    whole[used] = logistic(np.concatenate(x), np.concatenate(y), np.concatenate(share))
    return whole


def _evidence(places: Sequence[ScoredPlace], trials: Sequence[tuple[Floats, Floats]]) -> Evidence:
    """What the fit was made from; Cllr over all places, each with its own trials; misses over corpora as they are."""
    real = [place for place in places if not place.simulated]
    three, one = ([_own(place, clips) for place in real] for clips in (RECORDINGS, 1))
    target, nontarget = (np.concatenate(some) for some in zip(*trials, strict=True))
    return Evidence(
        speakers=len({probe.speaker for place in places for probe in place.trials.probes}),
        target_trials=len(target),
        nontarget_trials=sum(int((~place.trials.same).sum()) for place in places),
        largest_gallery=max(len(place.trials.templates_of(RECORDINGS)) for place in places),
        cllr=cllr(target, nontarget),
        cllr_min=cllr_min(target, nontarget),
        target_llr=_quantiles(np.concatenate(three)),
        target_llr_one=_quantiles(np.concatenate(one)),
        enrolled_seconds=float(
            np.median([t.seconds for place in places for t in place.trials.enrolled if t.clips == RECORDINGS])
        ),
        places=tuple(
            PlaceEvidence(
                name=place.name,
                speakers=len(place.trials.templates_of(RECORDINGS)),
                target_llr=_quantiles(own),
                target_llr_one=_quantiles(own_one),
            )
            for place, own, own_one in zip(real, three, one, strict=True)
            if len(own) and len(own_one)
        ),
    )


def _own(place: ScoredPlace, clips: int) -> Floats:
    trials = place.trials
    asked = np.array([one.clips == clips for one in trials.enrolled])[None]
    found: Floats = place.llr[trials.same & trials.fair & asked]
    return found


def _quantiles(values: Floats) -> tuple[float, ...]:
    return tuple(np.quantile(values, np.linspace(0, 1, 101)).round(3).tolist())


def _fit_margin(places: Sequence[ScoredPlace], calibration: Calibration) -> float:
    """The largest margin (llr) that turns at most MARGIN_COST of the rightly named into "ambiguous"."""
    gaps = [_gaps(place, calibration) for place in places]
    gap = np.concatenate(gaps)
    return float(np.quantile(gap, MARGIN_COST)) if len(gap) else 0.0


def _gaps(place: ScoredPlace, calibration: Calibration) -> Floats:
    """How far others are behind for probes that are named rightly with all of a place enrolled (n,)."""
    trials, able = place.trials, place.trials.templates_of(RECORDINGS)
    own = (trials.same & trials.fair)[:, able].any(axis=1)
    scores, same = place.llr[own][:, able], trials.same[own][:, able]
    above = place.above(able, calibration, TARGET_FPIR)[own]
    mine, other = (np.where(chosen, scores, -np.inf).max(axis=1) for chosen in (same, ~same))
    found: Floats = (mine - other)[(above >= 0) & (mine > other)]
    return found
