"""How often is it right? Verification and open-set identification over samples of many speakers.

Verification compares every whole recording with every other (EER, minDCF) and every probe with every template (Cllr,
actDCF at the Bayes threshold of the calibrated llr, as NIST SRE). Identification enrolls a random half of those who
have recordings enough (see ``open_set``); intervals draw whole speakers.
"""

import math
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import Calibration
from voiceprint.errors import InputError
from voiceprint.evaluation import places
from voiceprint.evaluation.homes import HomesRow, measure_homes
from voiceprint.evaluation.metrics import P_TARGET, act_dcf, bootstrap, cllr, cllr_min, eer, min_dcf
from voiceprint.evaluation.open_set import OpenSet, open_set
from voiceprint.evaluation.samples import ENROLLED_CLIPS, WHOLE, Sample
from voiceprint.evaluation.trials import MIN_PROBE_SECONDS, Trials, find_duplicate_speakers, make_trials

__all__ = ["Line", "Rate", "Report", "Row", "evaluate"]

Floats = NDArray[np.float64]
BOOTSTRAPS = 200
GALLERIES = (5, 10, 25, 50, 100, 200, 500)


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Rate(_Part, frozen=True, kw_only=True):
    """With its 95 % interval over ``speakers``; ``probes`` are the recordings or pieces that were asked about."""

    value: float
    low: float
    high: float
    speakers: int
    probes: int


class Row(_Part, frozen=True, kw_only=True):
    """One line of a table: ``name`` says which probes or which gallery; rates at the threshold that is used."""

    name: str
    gallery: int
    rank1: float
    fpir: Rate
    fnir: Rate
    fnir_at_fpir: dict[str, float]
    cllr: float | None = None
    cllr_min: float | None = None


class Line(_Part, frozen=True, kw_only=True):
    """Error rates of one fixed cosine for all, over whole recordings."""

    threshold: float
    fpir: Rate
    fnir: Rate


class Refused(_Part, frozen=True, kw_only=True):
    """Failure to acquire: recordings in which too little was heard, or nothing; failure to enroll: speakers with three
    recordings or more of whom three were not heard (ISO/IEC 19795-1).
    """

    recordings: int
    of_recordings: int
    speakers: int
    of_speakers: int


class Report(_Part, frozen=True, kw_only=True):
    """``threshold`` is the llr (the cosine without a calibration) at which whole recordings were decided in a gallery
    of ``gallery`` speakers; ``act_dcf``, ``cllr`` and ``cllr_min`` are None without a calibration.
    """

    encoder: str
    speakers: int
    utterances: int
    trials: dict[str, int]
    eer: Rate
    min_dcf: float
    act_dcf: float | None
    cllr: float | None
    cllr_min: float | None
    gallery: int
    target_fpir: float
    threshold: float
    rank1: float
    fpir_actual: Rate
    fnir_actual: Rate
    fpir_without_twins: Rate
    fnir_at_fpir: dict[str, float]
    by_condition: tuple[Row, ...]
    by_corpus: tuple[Row, ...]
    by_gallery: tuple[Row, ...]
    homes: tuple[HomesRow, ...]
    refused: Refused
    fixed_thresholds: tuple[Line, ...]
    duplicates: tuple[tuple[str, str, float], ...]


def evaluate(
    samples: Sequence[Sample],
    *,
    encoder: str,
    calibration: Calibration | None,
    bare_threshold: float,
    target_fpir: float,
    fixed_thresholds: Sequence[float] = (0.25,),
) -> Report:
    """Raises InputError (``too_few_speakers``). ``bare_threshold``: the cosine used where there is no calibration."""
    trials = make_trials(samples, calibration.channel if calibration else None)
    able = len(trials.templates_of(ENROLLED_CLIPS))
    if able < 4:
        raise InputError("too_few_speakers", f"4 speakers with 3 or more recordings are needed, not {able}.")
    judge = _Judge(trials, calibration, target_fpir, bare_threshold)
    main = judge.galleries(able // 2)
    duplicates = find_duplicate_speakers(samples)
    whole = judge.condition == WHOLE
    named = {name for first, second, _ in duplicates for name in (first, second)}
    no_twin = np.array([probe.speaker not in named for probe in trials.probes])
    headline = judge.row(main, WHOLE, whole)
    same, other = trials.same & trials.fair, ~trials.same
    llr = judge.score if calibration else None
    pairwise = _pairwise(samples)
    return Report(
        encoder=encoder,
        speakers=len({sample.speaker for sample in samples}),
        utterances=sum(sample.condition == WHOLE for sample in samples),
        trials={"target": int(same.sum()), "nontarget": int(other.sum())},
        eer=pairwise[0],
        min_dcf=pairwise[1],
        act_dcf=None if llr is None else act_dcf(llr[same], llr[other], threshold=math.log(1 / P_TARGET - 1)),
        cllr=None if llr is None else cllr(llr[same], llr[other]),
        cllr_min=None if llr is None else cllr_min(llr[same], llr[other]),
        gallery=main.size,
        target_fpir=target_fpir,
        threshold=judge.line(main.size),
        rank1=headline.rank1,
        fpir_actual=headline.fpir,
        fnir_actual=headline.fnir,
        fpir_without_twins=judge.rate(main.alarms(0.0, judge.margin, whole & no_twin)),
        fnir_at_fpir=headline.fnir_at_fpir,
        by_condition=tuple(judge.row(main, name, judge.condition == name) for name in _ordered(judge.condition)),
        by_corpus=tuple(judge.row(main, name, whole & (judge.corpus == name)) for name in _ordered(judge.corpus)),
        by_gallery=tuple(judge.row(judge.galleries(size), WHOLE, whole) for size in GALLERIES if size <= 0.75 * able),
        homes=() if calibration is None else tuple(measure_homes(samples, calibration, target_fpir)),
        refused=_refused(samples),
        fixed_thresholds=tuple(judge.fixed(at, main.size, whole) for at in fixed_thresholds),
        duplicates=tuple(duplicates),
    )


class _Judge:
    """The scores that are decided on, and the line that they must reach."""

    def __init__(self, trials: Trials, calibration: Calibration | None, target_fpir: float, bare: float) -> None:
        self.trials = trials
        self.condition = np.array([probe.condition for probe in trials.probes])
        self.corpus = np.array([probe.corpus for probe in trials.probes])
        self.score = trials.llr(calibration.weights) if calibration else trials.cosine
        self._speakers = np.array([probe.speaker for probe in trials.probes])
        self.margin = calibration.margin if calibration else 0.0
        self._calibration, self._target_fpir, self._bare = calibration, target_fpir, bare

    def line(self, gallery: int) -> float:
        return self._calibration.threshold(gallery, self._target_fpir) if self._calibration else self._bare

    def galleries(self, size: int) -> OpenSet:
        """Decided on as the service does: each probe against its own threshold."""

        def above(home: NDArray[np.intp]) -> Floats:
            if self._calibration is None:
                found: Floats = self.score[:, home].max(axis=1) - self._bare
                return found
            return places.above(self.trials, self.score, home, self._calibration, self._target_fpir)

        return open_set(self.trials, self.score, size, above=above)

    def row(self, found: OpenSet, name: str, chosen: NDArray[np.bool_]) -> Row:
        target = self.score[chosen][(self.trials.same & self.trials.fair)[chosen]]
        other = self.score[chosen][~self.trials.same[chosen]]
        calibrated = self._calibration is not None and len(target) > 0 and len(other) > 0
        return Row(
            name=name,
            gallery=found.size,
            rank1=found.rank1(chosen),
            fpir=self.rate(found.alarms(0.0, self.margin, chosen)),
            fnir=self.rate(found.misses(0.0, self.margin, chosen)),
            fnir_at_fpir=found.fnir_at(chosen),
            cllr=cllr(target, other) if calibrated else None,
            cllr_min=cllr_min(target, other) if calibrated else None,
        )

    def fixed(self, threshold: float, size: int, chosen: NDArray[np.bool_]) -> Line:
        found = open_set(self.trials, self.trials.cosine, size)
        fpir, fnir = found.alarms(threshold, 0.0, chosen), found.misses(threshold, 0.0, chosen)
        return Line(threshold=threshold, fpir=self.rate(fpir), fnir=self.rate(fnir))

    def rate(self, by_probe: Floats) -> Rate:
        """Mean over the probes that took part."""
        there = np.isfinite(by_probe)
        if not there.any():
            return Rate(value=math.nan, low=0.0, high=1.0, speakers=0, probes=0)
        values, speakers = by_probe[there], self._speakers[there]
        around = bootstrap(speakers, lambda at: float(values[at].mean()), rounds=BOOTSTRAPS)
        people = len(set(speakers.tolist()))
        # Nothing seen is not nothing there: the rule of three.
        high = around.high if values.any() else min(1.0, 3 / people)
        return Rate(value=around.value, low=around.low, high=high, speakers=people, probes=int(there.sum()))


def _pairwise(samples: Sequence[Sample]) -> tuple[Rate, float]:
    """EER and minDCF over all pairs of whole recordings."""
    whole = [sample for sample in samples if sample.condition == WHOLE and sample.seconds]
    vectors, names = np.stack([s.embedding for s in whole]), np.array([s.speaker for s in whole])
    cosine = (vectors @ vectors.T).astype(np.float64)
    same = names[:, None] == names[None]

    def pairs(chosen: NDArray[np.intp]) -> tuple[Floats, Floats]:
        # A recording that was drawn twice is no trial against itself.
        fair = np.triu(chosen[:, None] != chosen[None], 1)
        scores, alike = cosine[np.ix_(chosen, chosen)], same[np.ix_(chosen, chosen)]
        return scores[fair & alike], scores[fair & ~alike]

    def rate(chosen: NDArray[np.intp]) -> float:
        target, other = pairs(chosen)
        return eer(target, other) if len(target) and len(other) else math.nan

    around = bootstrap(names, rate, rounds=50)
    people = len(set(names.tolist()))
    found = Rate(value=around.value, low=around.low, high=around.high, speakers=people, probes=len(whole))
    return found, min_dcf(*pairs(np.arange(len(whole))))


def _refused(samples: Sequence[Sample]) -> Refused:
    whole = [sample for sample in samples if sample.condition == WHOLE]
    asked, heard = Counter(one.speaker for one in whole), Counter(one.speaker for one in whole if one.seconds)
    able = [speaker for speaker, count in asked.items() if count >= ENROLLED_CLIPS]
    return Refused(
        recordings=sum(one.seconds < MIN_PROBE_SECONDS for one in whole),
        of_recordings=len(whole),
        speakers=sum(heard[speaker] < ENROLLED_CLIPS for speaker in able),
        of_speakers=len(able),
    )


def _ordered(names: NDArray[np.str_]) -> list[str]:
    """2 s before 10 s."""
    return sorted(set(names.tolist()), key=lambda name: (len(name), name))
