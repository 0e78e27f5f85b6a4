"""Codec between profiles or enrollments and the bodies of sealed records."""

import msgspec
import numpy as np

from voiceprint.domain.speaker import Enrollment, Profile
from voiceprint.storage.sealing.vault import SealBrokenError

__all__ = [
    "pack_enrollment",
    "pack_profile",
    "unpack_enrollment",
    "unpack_profile",
]

# Unit vectors in float32 have a norm this close to one; any other was not written here.
_NORM_TOLERANCE = 1e-3


class _EnrollmentHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    speech_seconds: float
    content: str
    enrolled_at: float


def pack_profile(profile: Profile) -> bytes:
    """The body of a profile (JSON)."""
    return msgspec.json.encode(profile)


def unpack_profile(body: bytes) -> Profile:
    """The profile of a body. Raises SealBrokenError."""
    try:
        return msgspec.json.decode(body, type=Profile)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SealBrokenError("the profile cannot be read") from error


def pack_enrollment(enrollment: Enrollment) -> bytes:
    """The body of an enrollment: length of the head (4 bytes), head (JSON), vector (float32)."""
    head = msgspec.json.encode(
        _EnrollmentHead(
            speech_seconds=enrollment.speech_seconds, content=enrollment.content, enrolled_at=enrollment.enrolled_at
        )
    )
    return len(head).to_bytes(4, "big") + head + enrollment.embedding.astype("<f4").tobytes()


def unpack_enrollment(record_id: str, body: bytes, dimension: int) -> Enrollment:
    """The enrollment of a body, with a unit vector (dimension,). Raises SealBrokenError."""
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
