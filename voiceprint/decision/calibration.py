"""What turns a cosine into evidence: a small versioned file, bound to one encoder.

The log-likelihood ratio (natural logarithm) that a probe comes from an enrolled speaker is

    llr = offset + a * cosine + b * impostor + c * ln(probe seconds) + d * ln(enrolled seconds)

``impostor`` is how close the probe comes to people who are certainly somebody else: the mean of its highest cosines
with a cohort (adaptive score normalisation: Matejka et al., Interspeech 2017; as a quality measure in the regression:
Thienpondt et al., ICASSP 2021). For one probe and one speaker it is a straight line in the cosine, so that every
threshold can be shown as a cosine.

The highest llr of a stranger among N enrolled speakers follows a Gumbel distribution (a maximum of many) whose place
moves with ln N; its upper tail gives the threshold for a promised FPIR.

Where everybody speaks into the same kind of microphone, strangers come closer to the enrolled than elsewhere. The
enrolled show by how much: each of them is a stranger to the others. What their highest llr exceed the usual by is the
``score_shift``, and it is taken off every llr.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.intervals import Interval, share
from voiceprint.errors import ConfigError

__all__ = [
    "VERSION",
    "Calibration",
    "Cohort",
    "Evidence",
    "Nearest",
    "Tail",
    "Weights",
    "cohort_bytes",
    "load_calibration",
    "shipped_calibration",
]

VERSION = 1
SHIPPED = Path(__file__).parents[1] / "calibrations"
# Outside of what was measured, seconds count as if at the border.
SHORTEST, LONGEST_PROBE, LONGEST_ENROLLED = 1.0, 30.0, 60.0
# How the rise is learnt: this share of what the enrolled show, as if so many more people had shown nothing, and nobody
# counts for more than so much llr (two enrollments of one person would show a lot).
RISE_SHARE, RISE_PRIOR, RISE_MOST = 0.85, 1.0, 4.0
Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Weights(_Part, frozen=True, kw_only=True):
    """Of the line above."""

    offset: float
    cosine: float
    impostor: float
    log_speech_seconds: float
    log_enrolled_seconds: float


class Tail(_Part, frozen=True, kw_only=True):
    """Of a stranger's highest llr among N speakers: Gumbel, at ``location + per_log_speaker * ln N``."""

    location: float
    per_log_speaker: float
    scale: float


class Nearest(_Part, frozen=True, kw_only=True):
    """Of the highest llr that one of N enrolled people reaches with the others: usually ``location + per_log_speaker *
    ln N``.
    """

    location: float
    per_log_speaker: float

    def score_shift(self, nearest: Floats, gallery_size: int) -> float:
        """How much more alike than usual ``gallery_size`` people sound, from the highest llr of some of them (n,).

        In llr, never below 0: a promise is kept by being stricter. 0 for fewer than two people, who have no others.
        """
        if gallery_size < 2:
            return 0.0
        over = nearest - (self.location + self.per_log_speaker * math.log(gallery_size))
        shown = float(np.clip(over, -RISE_MOST, RISE_MOST).sum())
        return max(0.0, RISE_SHARE * shown / (len(nearest) + RISE_PRIOR))


class Evidence(_Part, frozen=True, kw_only=True):
    """What the calibration was made from. ``target_llr``: quantiles 0, 1, ..., 100 % of the llr of enrolled people's
    probes with their own template; ``impostor``, ``enrolled_seconds``: medians, for a threshold before anybody spoke.
    """

    speakers: int
    target_trials: int
    nontarget_trials: int
    largest_gallery: int
    cllr: float
    cllr_min: float
    target_llr: tuple[float, ...]
    impostor: float
    enrolled_seconds: float


@dataclass(frozen=True, slots=True)
class Cohort:
    """Embeddings (n, dimension) of people who will not be enrolled."""

    vectors: Vectors
    top: int

    def level(self, embedding: Vectors) -> float:
        """Mean of the highest ``top`` cosines with a unit embedding (dimension,)."""
        return float(self.levels(embedding[None])[0])

    def levels(self, embeddings: Vectors) -> Floats:
        """The same for each of some unit embeddings (n, dimension)."""
        cosines = embeddings @ self.vectors.T
        rest = max(0, cosines.shape[1] - self.top)
        found: Floats = np.partition(cosines, rest, axis=1)[:, rest:].mean(axis=1, dtype=np.float64)
        return found


class Calibration(_Part, frozen=True, kw_only=True):
    """``margin``: how much more llr the best speaker needs than the second; ``cohort_sha256``: of the file beside it,
    None where the impostor level plays no part; ``one_voice``: the sameness (see ``one_voice``) that 95 % of
    recordings of one person reach, and ``nearest``: None where they were not measured.
    """

    version: int
    encoder: str
    encoder_sha256: str
    created: str
    weights: Weights
    tail: Tail
    margin: float
    cohort_sha256: str | None
    cohort_dimension: int
    cohort_top: int
    evidence: Evidence
    one_voice: float | None = None
    nearest: Nearest | None = None

    def llr_offset(self, *, impostor: float, speech_seconds: float, enrolled_seconds: float) -> float:
        """The llr of a cosine of 0, in natural logarithm."""
        weights = self.weights
        return (
            weights.offset
            + weights.impostor * impostor
            + weights.log_speech_seconds * math.log(min(max(speech_seconds, SHORTEST), LONGEST_PROBE))
            + weights.log_enrolled_seconds * math.log(min(max(enrolled_seconds, SHORTEST), LONGEST_ENROLLED))
        )

    def threshold(self, gallery_size: int, target_fpir: float) -> float:
        """The llr that the promised share of strangers reaches with the best of ``gallery_size`` speakers."""
        tail = self.tail
        place = tail.location + tail.per_log_speaker * math.log(max(gallery_size, 1))
        return place - tail.scale * math.log(-math.log1p(-target_fpir))

    def expected_fnir(self, threshold: float) -> Interval:
        """Share of enrolled people's probes below a threshold (llr), where the calibration was made; interval as if
        each speaker were one trial.
        """
        quantiles = np.array(self.evidence.target_llr)
        missed = float(np.interp(threshold, quantiles, np.linspace(0, 1, len(quantiles))))
        around = share(round(missed * self.evidence.speakers), self.evidence.speakers)
        return Interval(missed, min(around.low, missed), max(around.high, missed))

    def supports(self, target_fpir: float) -> bool:
        """Whether there were strangers enough to see such a rate at all (rule of three)."""
        return self.evidence.speakers * target_fpir >= 3

    def save(self, folder: Path, cohort: Cohort | None) -> Path:
        """Write ``<encoder>.json``, and the cohort beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        if cohort is not None:
            (folder / f"{self.encoder}.cohort").write_bytes(cohort_bytes(cohort))
        path = folder / f"{self.encoder}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        return path


def cohort_bytes(cohort: Cohort) -> bytes:
    """Half precision, row by row."""
    return cohort.vectors.astype("<f2").tobytes()


def shipped_calibration(encoder: str, fingerprint: str) -> tuple[Calibration, Cohort | None] | None:
    """The calibration that comes with voiceprint for exactly this encoder, if there is one."""
    path = SHIPPED / f"{encoder}.json"
    if not path.is_file() or _read(path).encoder_sha256 != fingerprint:
        return None
    return load_calibration(path, encoder, fingerprint)


def load_calibration(path: Path, encoder: str, fingerprint: str) -> tuple[Calibration, Cohort | None]:
    """A calibration and its cohort. Raises ConfigError: calibration_missing, calibration_damaged,
    calibration_of_other_encoder.
    """
    calibration = _read(path)
    if calibration.encoder_sha256 != fingerprint:
        raise ConfigError(
            "calibration_of_other_encoder",
            f"The calibration {path} was made for the encoder {calibration.encoder}, not for this {encoder}; "
            "'voiceprint calibrate' makes one.",
        )
    return calibration, _read_cohort(path, calibration)


def _read(path: Path) -> Calibration:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError("calibration_missing", f"The calibration {path} cannot be read: {error.strerror}.") from error
    try:
        calibration = msgspec.json.decode(data, type=Calibration)
    except msgspec.DecodeError as error:
        raise ConfigError("calibration_damaged", f"{path} is not a calibration: {error}.") from error
    if calibration.version != VERSION:
        raise ConfigError(
            "calibration_damaged", f"{path} has version {calibration.version}; this program reads version {VERSION}."
        )
    if calibration.weights.cosine <= 0 or calibration.tail.scale <= 0:
        raise ConfigError("calibration_damaged", f"{path} would call the least similar voice the best.")
    return calibration


def _read_cohort(path: Path, calibration: Calibration) -> Cohort | None:
    if calibration.cohort_sha256 is None:
        return None
    beside = path.with_name(f"{calibration.encoder}.cohort")
    try:
        data = beside.read_bytes()
    except OSError as error:
        raise ConfigError("calibration_missing", f"The cohort {beside} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(data).hexdigest() != calibration.cohort_sha256:
        raise ConfigError("calibration_damaged", f"The cohort {beside} is not the one that {path} was made with.")
    vectors = np.frombuffer(data, "<f2").reshape(-1, calibration.cohort_dimension).astype(np.float32)
    return Cohort(vectors, calibration.cohort_top)
