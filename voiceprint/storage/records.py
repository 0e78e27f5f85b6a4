"""What is kept about a speaker, and how it becomes the body of a sealed record."""

import secrets
import time
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.messages import Consent
from voiceprint.storage.vault import SealBrokenError

__all__ = [
    "EncoderIdentity",
    "Enrollment",
    "Profile",
    "StoredSpeaker",
    "new_id",
    "pack_enrollment",
    "pack_profile",
    "unpack_enrollment",
    "unpack_profile",
]

# Unit vectors come back from float32 with a norm this close to one, or they are not what was written.
_NORM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Which encoder a store belongs to. The dimension alone proves nothing."""

    id: str
    fingerprint: str
    dimension: int


class Enrollment(msgspec.Struct, frozen=True, eq=False):
    """One enrolled utterance: unit embedding (dimension,), seconds of speech, keyed hash of the clip (or empty)."""

    id: str
    embedding: NDArray[np.float32]
    speech_seconds: float
    content: str
    enrolled_at: float

    @classmethod
    def new(cls, embedding: NDArray[np.float32], speech_seconds: float, content: str = "") -> "Enrollment":
        return cls(new_id(), embedding, speech_seconds, content, time.time())

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


class _EnrollmentHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    speech_seconds: float
    content: str
    enrolled_at: float


def new_id() -> str:
    """128 random bits, hex: says nothing about whose it is."""
    return secrets.token_hex(16)


def pack_profile(profile: Profile) -> bytes:
    return msgspec.json.encode(profile)


def unpack_profile(body: bytes) -> Profile:
    """Raises SealBrokenError for a body that is no profile."""
    try:
        return msgspec.json.decode(body, type=Profile)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SealBrokenError("the profile cannot be read") from error


def pack_enrollment(enrollment: Enrollment) -> bytes:
    head = msgspec.json.encode(
        _EnrollmentHead(
            speech_seconds=enrollment.speech_seconds, content=enrollment.content, enrolled_at=enrollment.enrolled_at
        )
    )
    return len(head).to_bytes(4, "big") + head + enrollment.embedding.astype("<f4").tobytes()


def unpack_enrollment(record_id: str, body: bytes, dimension: int) -> Enrollment:
    """Raises SealBrokenError unless it is a whole, finite, unit vector of that dimension."""
    end = 4 + int.from_bytes(body[:4], "big")
    if len(body) != end + 4 * dimension:
        raise SealBrokenError("the vector has another length")
    embedding = np.frombuffer(body, "<f4", offset=end).astype(np.float32)
    norm = float(np.linalg.norm(embedding))
    if not abs(norm - 1.0) < _NORM_TOLERANCE:  # also true for NaN
        raise SealBrokenError("the vector is not a unit vector")
    try:
        head = msgspec.json.decode(body[4:end], type=_EnrollmentHead)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SealBrokenError("the enrollment cannot be read") from error
    return Enrollment(record_id, embedding, head.speech_seconds, head.content, head.enrolled_at)
