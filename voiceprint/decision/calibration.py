"""What turns a cosine into evidence: a small versioned file, bound to one encoder.

The log-likelihood ratio (natural logarithm) that a probe comes from an enrolled speaker is

    llr = offset + a * cosine + b * both + c * one + d * ln(probe seconds) + e * ln(enrolled seconds)

``both`` and ``one`` say how far both recordings, or one of the two alone, are by telephone, from 0 to 1: recordings of
one channel are alike for any speaker, those of two channels are not. How far an embedding is by telephone shows on the
line from the mean of wide-band recordings to the mean of the same recordings by telephone. For one probe and one
speaker the llr is a straight line in the cosine, so that every threshold can be shown as a cosine.

The highest llr of a stranger among N enrolled speakers follows a Gumbel distribution (a maximum of many) whose place
moves with ln N; its upper tail, in the worst place measured, gives the threshold for a promised FPIR, once what the
next best speakers show of the place is taken off: see ``place``.
"""

import math
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.intervals import Interval, share
from voiceprint.decision.place import Place
from voiceprint.errors import ConfigError

__all__ = [
    "RECORDINGS",
    "VERSION",
    "Calibration",
    "Channel",
    "Evidence",
    "PlaceEvidence",
    "Tail",
    "Weights",
    "load_calibration",
    "shipped_calibration",
]

VERSION = 3
SHIPPED = Path(__file__).parents[1] / "calibrations"
# Outside of what was measured, seconds count as if at the border.
SHORTEST, LONGEST_PROBE, LONGEST_ENROLLED = 1.0, 30.0, 60.0
# Misses are told for speakers enrolled with one recording, and with this many.
RECORDINGS = 3
Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class _Versioned(msgspec.Struct):
    version: int


class Weights(_Part, frozen=True, kw_only=True):
    """Of the line above."""

    offset: float
    cosine: float
    both_by_telephone: float
    one_by_telephone: float
    log_speech_seconds: float
    log_enrolled_seconds: float


class Tail(_Part, frozen=True, kw_only=True):
    """Of a stranger's highest llr among N speakers: Gumbel, at ``location + per_log_speaker * ln N`` and what the next
    best show of the place.
    """

    location: float
    per_log_speaker: float
    scale: float


class Channel(_Part, frozen=True, kw_only=True):
    """Where on the line from wide-band speech (0) to the telephone (1) an embedding lies."""

    direction: tuple[float, ...]
    offset: float

    def telephone(self, embeddings: Vectors) -> Floats:
        """From 0 to 1, for unit embeddings (n, dimension)."""
        found: Floats = np.clip(embeddings @ np.array(self.direction, np.float32) + self.offset, 0, 1).astype(
            np.float64
        )
        return found


class PlaceEvidence(_Part, frozen=True, kw_only=True):
    """A corpus as it is: ``target_llr`` are the quantiles 0, 1, ..., 100 % of the llr of their probes with
    their own template of three recordings, ``target_llr_one`` of one.
    """

    name: str
    speakers: int
    target_llr: tuple[float, ...]
    target_llr_one: tuple[float, ...]


class Evidence(_Part, frozen=True, kw_only=True):
    """What the calibration was made from. ``target_llr``: as in ``places``, over all of them; ``enrolled_seconds``: the
    median, for a threshold before speech was heard.
    """

    speakers: int
    target_trials: int
    nontarget_trials: int
    largest_gallery: int
    cllr: float
    cllr_min: float
    target_llr: tuple[float, ...]
    target_llr_one: tuple[float, ...]
    enrolled_seconds: float
    places: tuple[PlaceEvidence, ...]


class Calibration(_Part, frozen=True, kw_only=True):
    """``margin``: how much more llr the best speaker needs than the second; ``channel``, ``place``: None where not
    measured; ``one_voice``: the homogeneity (see ``speaker_change``) that 95 % of recordings of one speaker reach.
    """

    version: int
    encoder: str
    encoder_sha256: str
    created: str
    weights: Weights
    tail: Tail
    margin: float
    evidence: Evidence
    channel: Channel | None = None
    place: Place | None = None
    one_voice: float | None = None

    def telephone(self, embeddings: Vectors) -> Floats:
        """From 0 to 1, for unit embeddings (n, dimension); see ``Channel``."""
        return np.zeros(len(embeddings)) if self.channel is None else self.channel.telephone(embeddings)

    def one_by_telephone(self, telephone: tuple[float, float]) -> float:
        """What the threshold (llr) is lower by for a probe and a template that are by telephone to that degree."""
        return 0.0 if self.place is None else self.place.one_by_telephone * (telephone[0] - telephone[1]) ** 2

    def llr_offset(
        self, *, telephone: tuple[float, float] = (0.0, 0.0), speech_seconds: float, enrolled_seconds: float
    ) -> float:
        """The llr of a cosine of 0, in natural logarithm. ``telephone``: of the probe, and of the template."""
        weights, (probe, template) = self.weights, telephone
        both = probe * template
        return (
            weights.offset
            + weights.both_by_telephone * both
            + weights.one_by_telephone * (probe + template - 2 * both)
            + weights.log_speech_seconds * math.log(min(max(speech_seconds, SHORTEST), LONGEST_PROBE))
            + weights.log_enrolled_seconds * math.log(min(max(enrolled_seconds, SHORTEST), LONGEST_ENROLLED))
        )

    def threshold(self, gallery_size: int, target_fpir: float) -> float:
        """The llr that the promised share of strangers reaches with the best of ``gallery_size`` speakers, in the worst
        place measured, the next best as close as in a one-device place.
        """
        return self.location(gallery_size) - self.tail.scale * math.log(-math.log1p(-target_fpir))

    def location(self, gallery_size: int) -> float:
        """Of the tail there (llr)."""
        typical = 0.0 if self.place is None else self.place.typical(gallery_size)
        return self.tail.location + self.tail.per_log_speaker * math.log(max(gallery_size, 1)) + typical

    def expected_fnir(self, threshold: float, *, recordings: int = RECORDINGS) -> Interval:
        """Share of enrolled speakers' probes below a threshold (llr); ``recordings``: 1 or ``RECORDINGS`` each.

        The interval counts each speaker as one trial, and reaches to the corpora with the fewest and the most misses.
        """
        found, one = self.evidence, recordings < RECORDINGS
        missed = _below(threshold, found.target_llr_one if one else found.target_llr)
        around = share(round(missed * found.speakers), found.speakers)
        there = [_below(threshold, place.target_llr_one if one else place.target_llr) for place in found.places]
        return Interval(missed, min(missed, around.low, *there), max(missed, around.high, *there))

    def supports(self, target_fpir: float) -> bool:
        """Whether there were strangers enough to see such a rate at all (rule of three)."""
        return self.evidence.speakers * target_fpir >= 3

    def save(self, folder: Path) -> Path:
        """Write ``<encoder>.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.encoder}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        return path


def shipped_calibration(encoder: str, fingerprint: str) -> Calibration | None:
    """The calibration that comes with voiceprint for exactly this encoder, if there is one."""
    path = SHIPPED / f"{encoder}.json"
    if not path.is_file() or (found := _read(path)).encoder_sha256 != fingerprint:
        return None
    return found


def load_calibration(path: Path, encoder: str, fingerprint: str) -> Calibration:
    """A calibration. Raises ConfigError: calibration_missing, calibration_damaged, calibration_of_other_encoder."""
    calibration = _read(path)
    if calibration.encoder_sha256 != fingerprint:
        raise ConfigError(
            "calibration_of_other_encoder",
            f"The calibration {path} was made for the encoder {calibration.encoder}, not for this {encoder}; "
            "'voiceprint calibrate' makes one.",
        )
    return calibration


def _below(threshold: float, quantiles: tuple[float, ...]) -> float:
    return float(np.interp(threshold, quantiles, np.linspace(0, 1, len(quantiles))))


def _read(path: Path) -> Calibration:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError("calibration_missing", f"The calibration {path} cannot be read: {error.strerror}.") from error
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
        if version != VERSION:
            raise ConfigError(
                "calibration_damaged",
                f"{path} has version {version}, not {VERSION}; 'voiceprint calibrate' makes one for this program.",
            )
        calibration = msgspec.json.decode(data, type=Calibration)
    except msgspec.DecodeError as error:
        raise ConfigError("calibration_damaged", f"{path} is not a calibration: {error}.") from error
    if calibration.weights.cosine <= 0 or calibration.tail.scale <= 0:
        raise ConfigError("calibration_damaged", f"{path} would call the least similar voice the best.")
    return calibration
