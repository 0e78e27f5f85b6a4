"""Results of the service: encoded utterances, answers, outcomes of enrollments and erasures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.vad import Utterance
from voiceprint.decision.outcome import Decision
from voiceprint.domain.match import Match
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.domain.vocabulary import Mode, Notice
from voiceprint.storage.receipts import Receipt

__all__ = ["Answer", "EncodedUtterance", "EnrollmentOutcome", "Erasure", "MergeOutcome", "UndoableChange"]


@dataclass(frozen=True, slots=True)
class EncodedUtterance:
    """An utterance and its unit embedding (dimension,), None for too little speech.

    ``multiple_speakers``: whether a speaker change was detected. ``previous_embedding``: by the previous encoder, while
    speakers are pending reenrollment.
    """

    utterance: Utterance
    embedding: NDArray[np.float32] | None
    multiple_speakers: bool = False
    previous_embedding: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision and its context. ``candidates``: best first.

    ``enrolls``: the previous encoder recognised a speaker pending reenrollment, with enough confidence to enroll this
    utterance.
    """

    mode: Mode
    decision: Decision
    candidates: tuple[Match, ...]
    utterance: Utterance
    needed_speech_seconds: float
    multiple_speakers: bool
    claimed_id: str | None = None
    enrolls: bool = False


@dataclass(frozen=True, slots=True)
class EnrollmentOutcome:
    """The speaker after an enrollment.

    ``consistency``: lowest cosine between an enrollment and the template of all of them; None for a single one.
    ``warnings``: what was doubtful about the recordings, one of each kind.
    """

    speaker: StoredSpeaker
    added: int
    speech_seconds: float
    consistency: float | None
    similar: tuple[Match, ...]
    warnings: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """The speaker after a merger; ``kept``, ``other``: the two entries before, each with its consent."""

    speaker: StoredSpeaker
    kept: StoredSpeaker
    other: StoredSpeaker


@dataclass(frozen=True, slots=True)
class UndoableChange:
    """A change that can be undone.

    ``event``: as in the audit log; ``speakers``: ids and names, the speaker changed first; ``takes``: how many came or
    went; ``at``, ``until``: seconds since 1970.
    """

    id: str
    event: str
    speakers: tuple[tuple[str, str], ...]
    takes: int
    at: float
    until: float


@dataclass(frozen=True, slots=True)
class Erasure:
    """A forgotten speaker and the receipt."""

    speaker: StoredSpeaker
    receipt: Receipt
