"""How scores become decisions: thresholds and margins. All policy lives here and in the settings."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import Calibration, Cohort, load_calibration, shipped_calibration
from voiceprint.decision.intervals import Interval
from voiceprint.decision.wording import distance, too_close, too_short
from voiceprint.domain.match import Match

__all__ = ["Decision", "Policy", "ThresholdNote"]

Status = Literal["identified", "unknown", "ambiguous", "not_enough_speech", "accepted", "rejected", "not_enrolled"]
Vector = NDArray[np.float32]
EnrolledSeconds = Callable[[str], float]

TARGET_FPIR = 0.01
# Before anybody spoke, strangers and enrolled people are held equally likely.
PRIOR_ENROLLED = 0.5
# For an encoder that nobody has calibrated: far above where strangers' cosines end for the ECAPA-TDNN encoders measured
# here, and rising with the gallery. Rather a missed friend than a named stranger.
BARE_THRESHOLD, BARE_PER_LOG_SPEAKER, BARE_HIGHEST, BARE_MARGIN = 0.45, 0.02, 0.65, 0.05
# A rise of this many cosines is worth a word to the operator.
NOTEWORTHY_SHIFT = 0.01


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided and why. ``score``, ``threshold`` and ``margin`` are cosines (the threshold that of this probe
    and this speaker); ``probability`` comes from the calibration or is None; ``rule`` is one plain sentence.
    """

    status: Status
    speaker_id: str | None
    score: float | None
    threshold: float
    margin: float | None
    probability: float | None
    rule: str


@dataclass(frozen=True, slots=True)
class ThresholdNote:
    """What an operator should know of the line: ``threshold`` (cosine, typical probe), ``target_fpir``, what it costs
    in missed people (None without a calibration), and whether the data can support the promise.
    """

    threshold: float
    target_fpir: float
    expected_fnir: Interval | None
    supported: bool
    note: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """``llr`` against the line at ``threshold`` (cosine); both scaled so that ``slope`` llr are one cosine."""

    speaker_id: str
    score: float
    llr: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Policy:
    """Decides. Built once, from a calibration of the encoder where there is one; safe to share between threads.

    ``target_fpir``: the promise, at most this share of strangers gets a name. ``score_shift``: how much more llr than
    usual strangers reach here (see ``calibration``). ``enrolled_seconds`` in the methods: seconds that a speaker was
    enrolled with; typical ones are assumed where it is not given.
    """

    min_speech_seconds: float
    target_fpir: float = TARGET_FPIR
    calibration: Calibration | None = None
    cohort: Cohort | None = None
    score_shift: float = 0.0

    @classmethod
    def for_encoder(
        cls,
        encoder: str,
        fingerprint: str,
        *,
        min_speech_seconds: float,
        target_fpir: float = TARGET_FPIR,
        calibration_file: Path | None = None,
    ) -> "Policy":
        """With the operator's calibration, else the shipped one, else the bare default. Raises ConfigError."""
        if calibration_file is not None:
            calibration, cohort = load_calibration(calibration_file, encoder, fingerprint)
            return cls(min_speech_seconds, target_fpir, calibration, cohort)
        found = shipped_calibration(encoder, fingerprint)
        return cls(min_speech_seconds, target_fpir, *(found or (None, None)))

    @property
    def calibrated(self) -> bool:
        return self.calibration is not None

    @property
    def one_voice(self) -> float | None:
        """The sameness (see ``one_voice``) below which two people probably speak; None where nobody measured it."""
        return None if self.calibration is None else self.calibration.one_voice

    def threshold(self, gallery_size: int, speech_seconds: float) -> float:
        """The cosine that a typical voice must reach; the one in a decision is that of the voice that was heard."""
        if self.calibration is None:
            return _bare_threshold(gallery_size)
        return self._line(self._impostor(None), speech_seconds, None, gallery_size)[1]

    def describe(self, gallery_size: int) -> ThresholdNote:
        """The line for a gallery of this size, what it promises and what it costs."""
        at = self.threshold(gallery_size, self.min_speech_seconds)
        if self.calibration is None:
            note = "no calibration fits this encoder: a cautious fixed threshold, and no promise"
            return ThresholdNote(at, self.target_fpir, None, False, note)
        people = self.calibration.evidence.speakers
        # Without the rise: where strangers come closer, people come closer to their own templates, too.
        cost = self.calibration.expected_fnir(self.calibration.threshold(gallery_size, self.target_fpir))
        notes = []
        if (higher := self.score_shift / self._slope) >= NOTEWORTHY_SHIFT:
            notes.append(f"people sound more alike here than usual, so that the threshold is {higher:.2f} higher")
        supported = self.calibration.supports(self.target_fpir)
        if not supported:
            notes.append(f"{people} people cannot show a rate below {3 / people:.2%} (rule of three)")
        if gallery_size > (largest := self.calibration.evidence.largest_gallery):
            supported = False
            notes.append(f"galleries were measured up to {largest} speakers; beyond that the threshold is extrapolated")
        return ThresholdNote(at, self.target_fpir, cost, supported, "; ".join(notes))

    def identify(
        self,
        matches: Sequence[Match],
        *,
        embedding: Vector | None,
        speech_seconds: float,
        gallery_size: int,
        enrolled_seconds: EnrolledSeconds | None = None,
    ) -> Decision:
        """Open-set: the best speaker, or nobody, or "two are too close". ``matches``: the ten or so closest."""
        ranked = self._rank(matches, self._impostor(embedding), speech_seconds, gallery_size, enrolled_seconds)
        if not ranked:
            at = self.threshold(gallery_size, speech_seconds)
            if speech_seconds < self.min_speech_seconds:
                return Decision("not_enough_speech", None, None, at, None, None, self._too_short(speech_seconds))
            return Decision("unknown", None, None, at, None, None, "nobody is enrolled")
        best = ranked[0]
        margin = (best.llr - ranked[1].llr) / self._slope if len(ranked) > 1 else None

        def decide(status: Status, rule: str) -> Decision:
            named = best.speaker_id if status == "identified" else None
            return Decision(
                status, named, best.score, best.threshold, margin, self._posterior(ranked, gallery_size), rule
            )

        if speech_seconds < self.min_speech_seconds:
            return decide("not_enough_speech", self._too_short(speech_seconds))
        above = best.score - best.threshold
        if above < 0:
            return decide("unknown", f"the closest speaker is {distance(-above)} below the threshold")
        if margin is not None and margin < self._least_margin:
            return decide("ambiguous", too_close(margin, self._least_margin))
        return decide("identified", f"the closest speaker is {distance(above)} above the threshold")

    def verify(
        self,
        score: float | None,
        *,
        speaker_id: str,
        embedding: Vector | None,
        speech_seconds: float,
        enrolled_seconds: float | None = None,
    ) -> Decision:
        """1:1: is this the claimed speaker? ``target_fpir`` is here the share of impostors who are accepted."""
        impostor = self._impostor(embedding)
        offset, at = self._line(impostor, speech_seconds, enrolled_seconds, 1)
        if score is None or speech_seconds < self.min_speech_seconds:
            return Decision("not_enough_speech", None, score, at, None, None, self._too_short(speech_seconds))
        llr = offset + self._slope * score
        probability = _sigmoid(llr + _logit(PRIOR_ENROLLED)) if self.calibrated else None
        if score >= at:
            rule = f"the voice is {distance(score - at)} above the threshold"
            return Decision("accepted", speaker_id, score, at, None, probability, rule)
        return Decision(
            "rejected", None, score, at, None, probability, f"the voice is {distance(at - score)} below the threshold"
        )

    def similar(
        self,
        matches: Sequence[Match],
        *,
        embedding: Vector,
        speech_seconds: float,
        gallery_size: int,
        enrolled_seconds: EnrolledSeconds | None = None,
    ) -> tuple[Match, ...]:
        """Those of ``matches`` who may be the same person as a new template, best first; of new people the share
        ``target_fpir`` meets such a false alarm.
        """
        ranked = self._rank(matches, self._impostor(embedding), speech_seconds, gallery_size, enrolled_seconds)
        return tuple(Match(found.speaker_id, found.score) for found in ranked if found.score >= found.threshold)

    def score_shift_among(
        self,
        matches: Sequence[Sequence[Match]],
        *,
        embeddings: Vector,
        speech_seconds: Sequence[float],
        gallery_size: int,
        enrolled_seconds: EnrolledSeconds,
    ) -> float:
        """The rise in a gallery of two or more, some of whose templates (n, d) meet these other people there."""
        if self.calibration is None or self.calibration.nearest is None:
            return 0.0
        usual = replace(self, score_shift=0.0)
        levels = np.zeros(len(embeddings)) if self.cohort is None else self.cohort.levels(embeddings)
        each = zip(matches, levels.tolist(), speech_seconds, strict=True)
        llr = [usual._rank(met, level, seconds, gallery_size, enrolled_seconds)[0].llr for met, level, seconds in each]
        return self.calibration.nearest.score_shift(np.array(llr), gallery_size)

    # Inside

    @property
    def _slope(self) -> float:
        """llr in one cosine."""
        return 1.0 if self.calibration is None else self.calibration.weights.cosine

    @property
    def _least_margin(self) -> float:
        return BARE_MARGIN if self.calibration is None else self.calibration.margin / self._slope

    def _impostor(self, embedding: Vector | None) -> float:
        if embedding is not None and self.cohort is not None:
            return self.cohort.level(embedding)
        return 0.0 if self.calibration is None else self.calibration.evidence.impostor

    def _line(
        self, impostor: float, speech_seconds: float, enrolled_seconds: float | None, gallery_size: int
    ) -> tuple[float, float]:
        """The llr of a cosine of 0, and the cosine where the llr reaches the threshold."""
        if self.calibration is None:
            return 0.0, _bare_threshold(gallery_size)
        seconds = self.calibration.evidence.enrolled_seconds if enrolled_seconds is None else enrolled_seconds
        offset = self.calibration.llr_offset(impostor=impostor, speech_seconds=speech_seconds, enrolled_seconds=seconds)
        offset -= self.score_shift
        return offset, (self.calibration.threshold(gallery_size, self.target_fpir) - offset) / self._slope

    def _rank(
        self,
        matches: Sequence[Match],
        impostor: float,
        speech_seconds: float,
        gallery_size: int,
        enrolled_seconds: EnrolledSeconds | None,
    ) -> list[_Candidate]:
        found = []
        for match in matches:
            seconds = None if enrolled_seconds is None else enrolled_seconds(match.speaker_id)
            offset, at = self._line(impostor, speech_seconds, seconds, gallery_size)
            found.append(_Candidate(match.speaker_id, match.score, offset + self._slope * match.score, at))
        return sorted(found, key=lambda candidate: -candidate.llr)

    def _posterior(self, ranked: Sequence[_Candidate], gallery_size: int) -> float | None:
        """That the best is who spoke, against every other candidate and against a stranger (all enrolled equally
        likely; those who are not among the candidates add next to nothing).
        """
        if self.calibration is None:
            return None
        each = PRIOR_ENROLLED / max(gallery_size, len(ranked))
        logs = [math.log(each) + candidate.llr for candidate in ranked]
        whole = float(np.logaddexp.reduce([math.log(1 - PRIOR_ENROLLED), *logs]))
        return math.exp(logs[0] - whole)

    def _too_short(self, speech_seconds: float) -> str:
        return too_short(speech_seconds, self.min_speech_seconds)


def _bare_threshold(gallery_size: int) -> float:
    return min(BARE_HIGHEST, BARE_THRESHOLD + BARE_PER_LOG_SPEAKER * math.log(max(gallery_size, 1)))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
