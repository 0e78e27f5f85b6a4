"""Trials: the recordings of all speakers against the templates of all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import LONGEST_ENROLLED, LONGEST_PROBE, RECORDINGS, SHORTEST, Channel, Weights
from voiceprint.decision.templates import template
from voiceprint.errors import InputError
from voiceprint.evaluation.samples import ENROLLED_CLIPS, WHOLE, Sample

__all__ = ["MIN_PROBE_SECONDS", "UNDECIDED", "TrialTemplate", "Trials", "find_duplicate_speakers", "make_trials"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Shorter speech is not decided upon, or not enrolled.
MIN_PROBE_SECONDS, MIN_ENROLLED_SECONDS = 0.95, 1.9
UNDECIDED = -1e6


@dataclass(frozen=True, slots=True)
class TrialTemplate:
    """An enrolled speaker of a trial list."""

    speaker: str
    clips: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Trials:
    """Every probe against every template. ``cosine, same, fair``: (probes, templates); a trial is fair when the probe
    shares no recording with the template.
    ``telephone`` (probes,), ``enrolled_telephone`` (templates,): how much each sounds as by telephone, from 0 to 1.
    """

    probes: Sequence[Sample]
    enrolled: Sequence[TrialTemplate]
    cosine: Floats
    telephone: Floats
    enrolled_telephone: Floats
    same: Flags
    fair: Flags

    def features(self) -> Floats:
        """(probes, templates, 6), in the order of Weights."""
        return self._features(self.cosine, self.telephone, [probe.seconds for probe in self.probes])

    def llr(self, weights: Weights) -> Floats:
        """(probes, templates); ``UNDECIDED`` for probes that are too short to be decided upon."""
        found: Floats = self.features() @ _column(weights)
        found[[probe.seconds < MIN_PROBE_SECONDS for probe in self.probes]] = UNDECIDED
        return found

    def _features(self, cosine: Floats, telephone: Floats, asked_seconds: Sequence[float]) -> Floats:
        probe = np.log(np.clip(asked_seconds, SHORTEST, LONGEST_PROBE))
        enrolled = np.log(np.clip([one.seconds for one in self.enrolled], SHORTEST, LONGEST_ENROLLED))
        both = telephone[:, None] * self.enrolled_telephone[None]
        one = telephone[:, None] + self.enrolled_telephone[None] - 2 * both
        columns = [np.ones(cosine.shape), cosine, both, one, probe[:, None], enrolled[None]]
        return np.stack([np.broadcast_to(column, cosine.shape) for column in columns], axis=-1)

    def templates_of(self, clips: int) -> NDArray[np.intp]:
        """Which templates are made from that many recordings."""
        return np.flatnonzero([one.clips == clips for one in self.enrolled])


def make_trials(
    samples: Sequence[Sample],
    channel: Channel | None,
    *,
    clips: Sequence[int] = (1, RECORDINGS),
    unheard: bool = False,
    asked: str | None = None,
) -> Trials:
    """Each speaker enrolled with their first 1 and first 3 recordings; everything long enough is a probe.

    ``unheard``: with the probes that are too short, or were refused; ``asked``: only probes of this condition.
    Raises InputError (``too_few_speakers``).
    """
    whole: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.condition == WHOLE and sample.seconds:
            whole.setdefault(sample.speaker, []).append(sample)
    templates, enrolled = [], []
    for speaker, recordings in whole.items():
        for count in clips:
            taken = [recording for recording in recordings if recording.clips[0] < count]
            seconds = sum(recording.seconds for recording in taken)
            if len(taken) == count and seconds >= MIN_ENROLLED_SECONDS:
                templates.append(_template(taken))
                enrolled.append(TrialTemplate(speaker, count, seconds))
    probes = [
        sample
        for sample in samples
        if (unheard or sample.seconds >= MIN_PROBE_SECONDS) and asked in (None, sample.condition)
    ]
    if not probes or not enrolled:
        raise InputError("too_few_speakers", "There is no speech to work with in these folders.")
    vectors = np.stack([probe.embedding for probe in probes])
    first = np.array([min(probe.clips) for probe in probes])
    models = np.stack(templates)
    same = np.array([p.speaker for p in probes])[:, None] == np.array([one.speaker for one in enrolled])[None]
    return Trials(
        probes,
        enrolled,
        cosine=(vectors @ models.T).astype(np.float64),
        telephone=_telephone(vectors, channel),
        enrolled_telephone=_telephone(models, channel),
        same=same,
        fair=~same | (first[:, None] >= np.array([one.clips for one in enrolled])[None]),
    )


def find_duplicate_speakers(samples: Sequence[Sample]) -> list[tuple[str, str, float]]:
    """Pairs of speakers who are closer to each other (cosine of their templates, three recordings or more each) than
    half of all speakers are to themselves: probably one person under two names.
    """
    whole: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.condition == WHOLE and sample.seconds:
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


def _telephone(vectors: NDArray[np.float32], channel: Channel | None) -> Floats:
    return np.zeros(len(vectors)) if channel is None else channel.telephone(vectors)


def _column(weights: Weights) -> Floats:
    return np.array([getattr(weights, name) for name in weights.__struct_fields__])
