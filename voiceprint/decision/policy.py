"""How scores become decisions: thresholds and margins. All policy lives here and in the settings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import Calibration, load_calibration, shipped_calibration
from voiceprint.decision.outcome import Decision, Enrolled, Status
from voiceprint.decision.threshold_note import ThresholdNote, note_of
from voiceprint.decision.wording import distance, too_close, too_short
from voiceprint.domain.match import Match

__all__ = ["Policy"]

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]

TARGET_FPIR = 0.01
# Before anybody spoke, strangers and enrolled people are held equally likely.
PRIOR_ENROLLED = 0.5
# For an encoder without a calibration: where the worst corpus measured, by telephone too, names 1 % of the strangers,
# with the encoder that brings them closest. Rather a missed friend than a named stranger.
BARE_THRESHOLD, BARE_PER_LOG_SPEAKER, BARE_HIGHEST, BARE_MARGIN = 0.75, 0.01, 0.85, 0.05
# With fewer enrolled the place is not known, and with it no probability.
KNOWN_FROM = 3
# Strangers' closeness moves enrolled speakers' own scores as well, by this share.
OWN_SHARE = 0.5


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

    ``target_fpir``: the promise, at most this share of strangers gets a name. ``score_shift``: how far (llr) the
    threshold lies from that of the worst place measured (see ``place``). ``enrolled`` in the methods: what speakers are
    enrolled with; typical seconds, and no telephone, are assumed where it is not given.
    """

    min_speech_seconds: float
    target_fpir: float = TARGET_FPIR
    calibration: Calibration | None = None
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
            return cls(min_speech_seconds, target_fpir, load_calibration(calibration_file, encoder, fingerprint))
        return cls(min_speech_seconds, target_fpir, shipped_calibration(encoder, fingerprint))

    @property
    def calibrated(self) -> bool:
        return self.calibration is not None

    @property
    def one_voice(self) -> float | None:
        """The sameness (see ``one_voice``) below which two people probably speak; None where not measured."""
        return None if self.calibration is None else self.calibration.one_voice

    def threshold(self, gallery_size: int, speech_seconds: float) -> float:
        """The cosine that a typical voice must reach; the one in a decision is that of the voice that was heard."""
        if self.calibration is None:
            return _bare_threshold(gallery_size)
        seconds = self.calibration.evidence.enrolled_seconds
        return self._line((0.0, 0.0), speech_seconds, seconds, gallery_size)[1]

    def describe(self, gallery_size: int) -> ThresholdNote:
        """The line for a gallery of this size, what it promises and what it costs."""
        at = self.threshold(gallery_size, self.min_speech_seconds)
        if self.calibration is None:
            note = "no calibration fits this encoder: a cautious fixed threshold, and no promise"
            return ThresholdNote(at, self.target_fpir, None, False, note)
        return note_of(self.calibration, self.target_fpir, self.score_shift, gallery_size, at)

    def identify(
        self,
        matches: Sequence[Match],
        *,
        embedding: Vector | None,
        speech_seconds: float,
        gallery_size: int,
        enrolled: Enrolled | None = None,
    ) -> Decision:
        """Open-set: the best speaker, or none, or "two are too close". ``matches``: the ten or so closest."""
        ranked = self._rank(matches, embedding, speech_seconds, gallery_size, enrolled)
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
                status,
                named,
                best.score,
                best.threshold,
                margin,
                self._posterior(ranked, gallery_size) if gallery_size >= KNOWN_FROM else None,
                rule,
                self._excess(best.llr, gallery_size),
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
        gallery_size: int | None = None,
        enrolled: Enrolled | None = None,
    ) -> Decision:
        """1:1: is this the claimed speaker? ``target_fpir`` is here the share of impostors who are accepted;
        ``gallery_size``: of the gallery that shows the place, None to tell a probability in any place.
        """
        matches = [Match(speaker_id, score or 0.0)]
        (found,) = self._rank(matches, embedding, speech_seconds, 1, enrolled)
        at = found.threshold
        if score is None or speech_seconds < self.min_speech_seconds:
            return Decision("not_enough_speech", None, score, at, None, None, self._too_short(speech_seconds))
        known = gallery_size is None or gallery_size >= KNOWN_FROM
        probability = self._posterior([found], 1) if known else None
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
        enrolled: Enrolled | None = None,
    ) -> tuple[Match, ...]:
        """Those of ``matches`` who may be the same person as a new template, best first; of new people the share
        ``target_fpir`` meets such a false alarm.
        """
        ranked = self._rank(matches, embedding, speech_seconds, gallery_size, enrolled)
        return tuple(Match(found.speaker_id, found.score) for found in ranked if found.score >= found.threshold)

    def score_shift_among(
        self,
        matches: Sequence[Sequence[Match]],
        *,
        embeddings: Vectors,
        speech_seconds: Sequence[float],
        gallery_size: int,
        enrolled: Enrolled,
    ) -> float:
        """The shift in a gallery of two or more, some of whose templates (n, d) meet these others there."""
        if self.calibration is None or self.calibration.place is None:
            return 0.0
        each = zip(matches, embeddings, speech_seconds, strict=True)
        llr = [self._rank(met, row, seconds, gallery_size, enrolled)[0].llr for met, row, seconds in each]
        return self.calibration.place.score_shift(np.array(llr), gallery_size)

    def with_takes(self, excesses: Sequence[float]) -> "Policy":
        """This policy after takes without a name (``Decision.excess``): stricter, or the same."""
        if self.calibration is None or self.calibration.place is None:
            return self
        return replace(self, score_shift=self.calibration.place.with_takes(self.score_shift, excesses))

    # Inside

    @property
    def _slope(self) -> float:
        """llr in one cosine."""
        return 1.0 if self.calibration is None else self.calibration.weights.cosine

    @property
    def _least_margin(self) -> float:
        return BARE_MARGIN if self.calibration is None else self.calibration.margin / self._slope

    def _threshold_llr(self, gallery_size: int) -> float:
        assert self.calibration is not None
        return self.calibration.threshold(gallery_size, self.target_fpir) + self.score_shift

    def _line(
        self, telephone: tuple[float, float], speech_seconds: float, enrolled_seconds: float, gallery_size: int
    ) -> tuple[float, float]:
        """The llr of a cosine of 0, and the cosine where the llr reaches the threshold."""
        if self.calibration is None:
            return 0.0, _bare_threshold(gallery_size)
        offset = self.calibration.llr_offset(
            telephone=telephone, speech_seconds=speech_seconds, enrolled_seconds=enrolled_seconds
        )
        return offset, (self._threshold_llr(gallery_size) - offset) / self._slope

    def _rank(
        self,
        matches: Sequence[Match],
        embedding: Vector | None,
        speech_seconds: float,
        gallery_size: int,
        enrolled: Enrolled | None,
    ) -> list[_Candidate]:
        telephones, seconds = self._channels(matches, embedding, enrolled)
        found = []
        for match, telephone, enrolled_seconds in zip(matches, telephones, seconds, strict=True):
            offset, at = self._line(telephone, speech_seconds, enrolled_seconds, gallery_size)
            found.append(_Candidate(match.speaker_id, match.score, offset + self._slope * match.score, at))
        return sorted(found, key=lambda candidate: -candidate.llr)

    def _channels(
        self, matches: Sequence[Match], embedding: Vector | None, enrolled: Enrolled | None
    ) -> tuple[Sequence[tuple[float, float]], Sequence[float]]:
        """How far the probe and each speaker are by telephone (n,), and the seconds that each is enrolled with (n,)."""
        unknown = [(0.0, 0.0)] * len(matches)
        if self.calibration is None or not matches:
            return unknown, [0.0] * len(matches)
        if enrolled is None:
            return unknown, [self.calibration.evidence.enrolled_seconds] * len(matches)
        voices = enrolled([match.speaker_id for match in matches])
        if embedding is None:
            return unknown, voices.seconds
        probe, *templates = self.calibration.telephone(np.concatenate([embedding[None], voices.templates])).tolist()
        return [(probe, template) for template in templates], voices.seconds

    def _excess(self, llr: float, gallery_size: int) -> float | None:
        if self.calibration is None or self.calibration.place is None:
            return None
        return llr - self.calibration.place.refused.at(gallery_size)

    def _posterior(self, ranked: Sequence[_Candidate], gallery_size: int) -> float | None:
        """That the best is who spoke, against every other candidate and against a stranger (all enrolled equally
        likely; those who are not among the candidates add next to nothing).
        """
        if self.calibration is None:
            return None
        usual = self.calibration.place.usual if self.calibration.place else 0.0
        less = OWN_SHARE * (self.score_shift - usual)
        each = PRIOR_ENROLLED / max(gallery_size, len(ranked))
        logs = [math.log(each) + candidate.llr - less for candidate in ranked]
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
