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
# For an encoder without a calibration: where the worst corpus measured, by telephone too, names 1 % of the strangers,
# with the encoder that brings them closest. Rather a missed friend than a named stranger.
BARE_THRESHOLD, BARE_PER_LOG_SPEAKER, BARE_HIGHEST, BARE_MARGIN = 0.75, 0.01, 0.85, 0.05
# With fewer enrolled the place is not known, and with it no probability.
KNOWN_FROM = 3


@dataclass(frozen=True, slots=True)
class _Candidate:
    """``llr`` against the ``threshold`` (cosine), which is ``above`` llr below; ``slope`` llr are one cosine."""

    speaker_id: str
    score: float
    llr: float
    threshold: float
    above: float


@dataclass(frozen=True, slots=True)
class Policy:
    """Decides. Built once, from a calibration of the encoder where there is one; safe to share between threads.

    ``target_fpir``: the promise, at most this share of strangers gets a name. ``score_shift``: how far (llr) the
    threshold of a typical probe lies from that in a one-device place, as the enrolled show it; what decides shows its
    own (see ``place``). ``raised``: what takes without a name added. ``enrolled`` in the methods: what speakers are
    enrolled with; typical seconds, and no telephone, are assumed where it is not given.
    """

    min_speech_seconds: float
    target_fpir: float = TARGET_FPIR
    calibration: Calibration | None = None
    score_shift: float = 0.0
    raised: float = 0.0

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
        offset = self._offset((0.0, 0.0), speech_seconds, self.calibration.evidence.enrolled_seconds)
        at = self.calibration.threshold(gallery_size, self.target_fpir) + self.score_shift + self.raised
        return (at - offset) / self._slope

    def describe(self, gallery_size: int) -> ThresholdNote:
        """The line for a gallery of this size, what it promises and what it costs."""
        at = self.threshold(gallery_size, self.min_speech_seconds)
        if self.calibration is None:
            note = "no calibration fits this encoder: a cautious fixed threshold, and no promise"
            return ThresholdNote(at, self.target_fpir, None, False, note)
        return note_of(self.calibration, self.target_fpir, self.score_shift + self.raised, gallery_size, at)

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
                self._posterior(ranked) if gallery_size >= KNOWN_FROM else None,
                rule,
                self._excess(best),
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
        ``gallery_size``: of the gallery that is asked in, None to tell a probability in any place.
        """
        matches = [Match(speaker_id, score or 0.0)]
        (found,) = self._rank(matches, embedding, speech_seconds, 1, enrolled)
        at = found.threshold
        if score is None or speech_seconds < self.min_speech_seconds:
            return Decision("not_enough_speech", None, score, at, None, None, self._too_short(speech_seconds))
        known = gallery_size is None or gallery_size >= KNOWN_FROM
        probability = self._posterior([found]) if known else None
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
        """The typical shift in a gallery, some of whose templates (n, d) have these others there as their next best."""
        place = None if self.calibration is None else self.calibration.place
        if place is None or not len(matches):
            return 0.0
        shifts = []
        for met, row, seconds in zip(matches, embeddings, speech_seconds, strict=True):
            llr = [found.llr for found in self._rank(met, row, seconds, gallery_size, enrolled)]
            # The best is the speaker, who is not among them.
            shifts.append(place.score_shifts(np.array([[llr[0], *llr]]), gallery_size)[0])
        return float(np.mean(shifts))

    def with_takes(self, excesses: Sequence[float]) -> "Policy":
        """This policy after takes without a name (``Decision.excess``): stricter, or the same."""
        if self.calibration is None or self.calibration.place is None:
            return self
        return replace(self, raised=self.calibration.place.with_takes(excesses))

    # Inside

    @property
    def _slope(self) -> float:
        """llr in one cosine."""
        return 1.0 if self.calibration is None else self.calibration.weights.cosine

    @property
    def _least_margin(self) -> float:
        return BARE_MARGIN if self.calibration is None else self.calibration.margin / self._slope

    def _rank(
        self,
        matches: Sequence[Match],
        embedding: Vector | None,
        speech_seconds: float,
        gallery_size: int,
        enrolled: Enrolled | None,
    ) -> list[_Candidate]:
        """By evidence, best first, against the threshold that the next best of them give this probe."""
        telephones, seconds = self._channels(matches, embedding, enrolled)
        lines = [
            (match, self._offset(telephone, speech_seconds, enrolled_seconds), telephone)
            for match, telephone, enrolled_seconds in zip(matches, telephones, seconds, strict=True)
        ]
        llr = np.array([[offset + self._slope * match.score for match, offset, _ in lines]])
        at = self._threshold_llr(llr, gallery_size)
        found = []
        for (match, offset, telephone), evidence in zip(lines, llr[0].tolist(), strict=True):
            needed = at - (0.0 if self.calibration is None else self.calibration.one_by_telephone(telephone))
            threshold = (needed - offset) / self._slope
            found.append(_Candidate(match.speaker_id, match.score, evidence, threshold, evidence - needed))
        return sorted(found, key=lambda candidate: -candidate.llr)

    def _offset(self, telephone: tuple[float, float], speech_seconds: float, enrolled_seconds: float) -> float:
        """The llr of a cosine of 0."""
        if self.calibration is None:
            return 0.0
        return self.calibration.llr_offset(
            telephone=telephone, speech_seconds=speech_seconds, enrolled_seconds=enrolled_seconds
        )

    def _threshold_llr(self, llr: Floats, gallery_size: int) -> float:
        """For a probe with candidates of these llr (1, n)."""
        if self.calibration is None:
            return _bare_threshold(gallery_size)
        at = self.calibration.threshold(gallery_size, self.target_fpir) + self.raised
        if self.calibration.place is None or not llr.size:
            return at
        # One as close as the best is a rival, not the place: a person under two names stays ambiguous.
        best = llr.max()
        apart = llr[llr <= best - self.calibration.margin]
        return at + float(self.calibration.place.score_shifts(np.array([[best, *apart]]), gallery_size)[0])

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

    def _excess(self, best: _Candidate) -> float | None:
        if self.calibration is None or self.calibration.place is None:
            return None
        return best.above + self.raised + self._tail_llr() - self.calibration.place.refused

    def _tail_llr(self) -> float:
        """How far the threshold lies above the location of strangers' tail."""
        assert self.calibration is not None
        return self.calibration.threshold(1, self.target_fpir) - self.calibration.location(1)

    def _posterior(self, ranked: Sequence[_Candidate]) -> float | None:
        """That the best spoke, not a stranger, held as likely as all enrolled, nor another of the candidates."""
        if self.calibration is None or self.calibration.place is None:
            return None
        odds = self.calibration.place.log_odds(ranked[0].above + self._tail_llr())
        among = -float(np.logaddexp.reduce([candidate.llr - ranked[0].llr for candidate in ranked]))
        return math.exp(among - float(np.logaddexp(0.0, -odds)))

    def _too_short(self, speech_seconds: float) -> str:
        return too_short(speech_seconds, self.min_speech_seconds)


def _bare_threshold(gallery_size: int) -> float:
    return min(BARE_HIGHEST, BARE_THRESHOLD + BARE_PER_LOG_SPEAKER * math.log(max(gallery_size, 1)))
