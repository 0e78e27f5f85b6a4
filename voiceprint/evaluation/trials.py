"""Trials: everybody's recordings against everybody's templates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import LONGEST_ENROLLED, LONGEST_PROBE, SHORTEST, Cohort, Weights
from voiceprint.decision.templates import template
from voiceprint.errors import InputError
from voiceprint.evaluation.samples import ENROLLED_CLIPS, WHOLE, Sample

__all__ = ["MIN_PROBE_SECONDS", "TrialTemplate", "Trials", "find_duplicate_speakers", "make_trials"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Shorter speech is not decided upon.
MIN_PROBE_SECONDS = 1.9


@dataclass(frozen=True, slots=True)
class TrialTemplate:
    """An enrolled speaker of a trial list."""

    speaker: str
    clips: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Trials:
    """Every probe against every template. ``cosine, same, fair``: (probes, templates); a trial is fair when the probe
    shares no recording with the template. ``between`` (templates, templates): cosines of the enrolled with one another,
    ``level`` (templates,) how close each comes to the cohort.
    """

    probes: Sequence[Sample]
    enrolled: Sequence[TrialTemplate]
    cosine: Floats
    impostor: Floats
    same: Flags
    fair: Flags
    between: Floats
    level: Floats

    def features(self) -> Floats:
        """(probes, templates, 5), in the order of Weights."""
        return self._features(self.cosine, self.impostor, [probe.seconds for probe in self.probes])

    def llr(self, weights: Weights) -> Floats:
        """(probes, templates)"""
        found: Floats = self.features() @ _column(weights)
        return found

    def llr_between(self, weights: Weights) -> Floats:
        """(templates, templates): the first of them asked, the second enrolled; nobody is asked about themselves."""
        found: Floats = self._features(self.between, self.level, [who.seconds for who in self.enrolled]) @ _column(
            weights
        )
        names = np.array([who.speaker for who in self.enrolled])
        found[names[:, None] == names[None]] = -np.inf
        return found

    def _features(self, cosine: Floats, impostor: Floats, asked_seconds: Sequence[float]) -> Floats:
        probe = np.log(np.clip(asked_seconds, SHORTEST, LONGEST_PROBE))
        enrolled = np.log(np.clip([who.seconds for who in self.enrolled], SHORTEST, LONGEST_ENROLLED))
        columns = [np.ones(cosine.shape), cosine, impostor[:, None], probe[:, None], enrolled[None]]
        return np.stack([np.broadcast_to(column, cosine.shape) for column in columns], axis=-1)

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
                enrolled.append(TrialTemplate(speaker, count, seconds))
    probes = [sample for sample in samples if sample.seconds >= MIN_PROBE_SECONDS]
    if not probes or not enrolled:
        raise InputError("too_few_speakers", "There is no speech to work with in these folders.")
    vectors = np.stack([probe.embedding for probe in probes])
    first = np.array([min(probe.clips) for probe in probes])
    models = np.stack(templates)
    same = np.array([p.speaker for p in probes])[:, None] == np.array([w.speaker for w in enrolled])[None]
    return Trials(
        probes,
        enrolled,
        cosine=(vectors @ models.T).astype(np.float64),
        impostor=_levels(vectors, cohort),
        same=same,
        fair=~same | (first[:, None] >= np.array([who.clips for who in enrolled])[None]),
        between=(models @ models.T).astype(np.float64),
        level=_levels(models, cohort),
    )


def find_duplicate_speakers(samples: Sequence[Sample]) -> list[tuple[str, str, float]]:
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


def _template(recordings: Sequence[Sample]) -> NDArray[np.float32]:
    return template(np.stack([recording.embedding for recording in recordings]))


def _levels(vectors: NDArray[np.float32], cohort: Cohort | None) -> Floats:
    return np.zeros(len(vectors)) if cohort is None else cohort.levels(vectors)


def _column(weights: Weights) -> Floats:
    return np.array([getattr(weights, name) for name in weights.__struct_fields__])
