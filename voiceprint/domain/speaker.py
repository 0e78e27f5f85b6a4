"""What is kept about a speaker."""

import secrets
import time
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.vocabulary import Consent, Notice

__all__ = ["EncoderIdentity", "Enrollment", "Profile", "StoredSpeaker", "new_id"]


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Which encoder a store belongs to. The dimension alone proves nothing."""

    id: str
    fingerprint: str
    dimension: int


class Enrollment(msgspec.Struct, frozen=True, eq=False):
    """One enrolled utterance: unit embedding (dimension,), seconds of speech, keyed hash of the clip (or empty).

    ``warnings``: what was doubtful about it, told when it is enrolled and not kept.
    """

    id: str
    embedding: NDArray[np.float32]
    speech_seconds: float
    content: str
    enrolled_at: float
    warnings: tuple[Notice, ...] = ()

    @classmethod
    def new(
        cls,
        embedding: NDArray[np.float32],
        speech_seconds: float,
        content: str = "",
        warnings: tuple[Notice, ...] = (),
    ) -> "Enrollment":
        return cls(new_id(), embedding, speech_seconds, content, time.time(), warnings)

    def without_content(self) -> "Enrollment":
        """The same, not to be known again by its recording."""
        return msgspec.structs.replace(self, content="")


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who it is. Lives only inside a seal. Times in seconds since 1970; ``last_seen``: a day, YYYY-MM-DD;
    ``origin``: the store that a speaker was imported from.
    """

    name: str
    created_at: float
    consent: Consent | None = None
    consent_at: float | None = None
    last_seen: str | None = None
    origin: str | None = None
    groups: tuple[str, ...] = ()

    def agreed(self, consent: Consent | None) -> "Profile":
        """The same person, who from now on agrees to this."""
        return msgspec.structs.replace(self, consent=consent, consent_at=time.time() if consent else None)


class StoredSpeaker(msgspec.Struct, frozen=True, eq=False):
    """A speaker as the store holds them. ``enrollments``: made with the store's encoder. ``former``: made with the one
    that it is being moved away from, and never compared with anything that the other made.
    """

    id: str
    profile: Profile
    enrollments: tuple[Enrollment, ...]
    former: tuple[Enrollment, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether nothing of the voice is there yet that the store's encoder made."""
        return not self.enrollments

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def created_at(self) -> float:
        return self.profile.created_at

    @property
    def speech_seconds(self) -> float:
        """Speech in all enrollments together."""
        return sum(enrollment.speech_seconds for enrollment in self.enrollments)


def new_id() -> str:
    """128 random bits, hex: says nothing about whose it is."""
    return secrets.token_hex(16)
