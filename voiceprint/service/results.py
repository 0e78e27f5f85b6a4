"""What the service takes and gives: a voice that was heard, an answer about it, what an enrollment did."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.vad import Utterance
from voiceprint.decision.policy import Decision
from voiceprint.domain.match import Match
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.domain.vocabulary import Mode, Notice
from voiceprint.storage.receipts import Receipt

__all__ = ["Answer", "EnrollmentOutcome", "Erasure", "Voice"]


@dataclass(frozen=True, slots=True)
class Voice:
    """What was heard and its unit embedding (dimension,), None where there was too little speech to encode.

    ``several``: whether more than one voice seems to be in it. ``former``: what the former encoder makes of it, while
    the store is moved to another and somebody waits.
    """

    utterance: Utterance
    embedding: NDArray[np.float32] | None
    several: bool = False
    former: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision with what a person needs to understand it. ``candidates``: best first. ``enrolls``: the former encoder
    recognised somebody who waits, with enough confidence to enroll this utterance.
    """

    mode: Mode
    decision: Decision
    candidates: tuple[Match, ...]
    utterance: Utterance
    needed_speech_seconds: float
    several_voices: bool
    claimed_id: str | None = None
    enrolls: bool = False


@dataclass(frozen=True, slots=True)
class EnrollmentOutcome:
    """``consistency``: lowest cosine between an enrollment and the template of all; None for a single enrollment.

    ``warnings``: what was doubtful about the recordings, one of each kind.
    """

    speaker: StoredSpeaker
    added: int
    speech_seconds: float
    consistency: float | None
    similar: tuple[Match, ...]
    warnings: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who was forgotten, and the receipt for it."""

    speaker: StoredSpeaker
    receipt: Receipt
