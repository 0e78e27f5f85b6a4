"""Trials: everybody's recordings against everybody's templates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import LONGEST_ENROLLED, LONGEST_PROBE, SHORTEST, Calibration, Cohort
from voiceprint.decision.scoring import template
from voiceprint.errors import InputError
from voiceprint.evaluation.samples import ENROLLED_CLIPS, WHOLE, Sample

__all__ = ["MIN_PROBE_SECONDS", "Trials", "Who", "find_twins", "make_trials", "strangers_best"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Shorter speech is not decided upon.
MIN_PROBE_SECONDS = 1.9


@dataclass(frozen=True, slots=True)
class Who:
    """An enrolled speaker of a trial list."""

    speaker: str
    clips: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Trials:
    """Every probe against every template. ``cosine, same, fair``: (probes, templates); a trial is fair when the probe
    shares no recording with the template.
    """

    probes: Sequence[Sample]
    enrolled: Sequence[Who]
    cosine: Floats
    impostor: Floats
    same: Flags
    fair: Flags

    def features(self) -> Floats:
        """(probes, templates, 5), in the order of Weights."""
        shape = self.cosine.shape
        probe = np.log(np.clip([probe.seconds for probe in self.probes], SHORTEST, LONGEST_PROBE))
        enrolled = np.log(np.clip([who.seconds for who in self.enrolled], SHORTEST, LONGEST_ENROLLED))
        columns = [np.ones(shape), self.cosine, self.impostor[:, None], probe[:, None], enrolled[None]]
        return np.stack([np.broadcast_to(column, shape) for column in columns], axis=-1)

    def llr(self, calibration: Calibration) -> Floats:
        """(probes, templates)"""
        weights = calibration.weights
        found: Floats = self.features() @ np.array([getattr(weights, name) for name in weights.__struct_fields__])
        return found

    def templates_of(self, clips: int) -> NDArray[np.intp]:
        """Which templates are made from that many recordings."""
        return np.flatnonzero([who.clips == clips for who in self.enrolled])


def make_trials(samples: Sequence[Sample], cohort: Cohort | None, *, clips: Sequence[int] = (1, 3)) -> Trials:
    """Each speaker enrolled with their first 1 and first 3 recordings; everything long enough is a probe."""
    whole: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.condition == WHOLE:
            whole.setdefault(sample.speaker, []).append(sample)
    templates, enrolled = [], []
    for speaker, recordings in whole.items():
        for count in clips:
            taken = [recording for recording in recordings if recording.clips[0] < count]
            seconds = sum(recording.seconds for recording in taken)
            if len(taken) == count and seconds >= MIN_PROBE_SECONDS:
                templates.append(_template(taken))
                enrolled.append(Who(speaker, count, seconds))
    probes = [sample for sample in samples if sample.seconds >= MIN_PROBE_SECONDS]
    if not probes or not enrolled:
        raise InputError("too_few_speakers", "There is no speech to work with in these folders.")
    vectors = np.stack([probe.embedding for probe in probes])
    first = np.array([min(probe.clips) for probe in probes])
    same = np.array([p.speaker for p in probes])[:, None] == np.array([w.speaker for w in enrolled])[None]
    return Trials(
        probes,
        enrolled,
        cosine=(vectors @ np.stack(templates).T).astype(np.float64),
        impostor=np.array([cohort.level(vector) if cohort else 0.0 for vector in vectors]),
        same=same,
        fair=~same | (first[:, None] >= np.array([who.clips for who in enrolled])[None]),
    )


def find_twins(samples: Sequence[Sample]) -> list[tuple[str, str, float]]:
    """Pairs of speakers who are closer to each other (cosine of their templates, three recordings or more each) than
    half of all speakers are to themselves: probably one person under two names.
    """
    whole: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.condition == WHOLE:
            whole.setdefault(sample.speaker, []).append(sample)
    names = [name for name, recordings in whole.items() if len(recordings) >= ENROLLED_CLIPS]
    if len(names) < 2:
        return []
    halves = [(_template(whole[n][::2]), _template(whole[n][1::2])) for n in names if len(whole[n]) > ENROLLED_CLIPS]
    line = float(np.median([a @ b for a, b in halves])) if halves else 1.0
    vectors = np.stack([_template(whole[name]) for name in names])
    cosine = np.triu(vectors @ vectors.T, 1)
    return [(names[a], names[b], float(cosine[a, b])) for a, b in np.argwhere(cosine > line).tolist()]


def strangers_best(trials: Trials, score: Floats, gallery: NDArray[np.intp]) -> Floats:
    """Best score of each probe (probes,) in a gallery of templates; NaN for those whose speaker is in it."""
    best: Floats = score[:, gallery].max(axis=1)
    best[trials.same[:, gallery].any(axis=1)] = np.nan
    return best


def _template(recordings: Sequence[Sample]) -> NDArray[np.float32]:
    return template(np.stack([r.embedding for r in recordings]), np.array([r.seconds for r in recordings], np.float32))
