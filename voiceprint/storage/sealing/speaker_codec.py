"""Speakers as plain messages: the body of a sealed row, of a bundle and of an undoable change."""

from collections.abc import Sequence
from typing import Self

import msgspec
import numpy as np

from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker

__all__ = ["PackedEnrollment", "PackedSpeaker", "has_unit_vectors"]

_FLOATS = np.dtype("<f4")
# Unit vectors in float32 have a squared norm this close to one; any other was not written here.
_LEAST, _MOST = 1.0 - 2e-3, 1.0 + 2e-3


class PackedEnrollment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, gc=False):
    """An enrollment; ``vector``: float32, little-endian."""

    id: str
    vector: bytes
    speech_seconds: float
    content: str
    enrolled_at: float

    @classmethod
    def of(cls, one: Enrollment) -> Self:
        """The message of an enrollment."""
        vector = one.embedding.astype(_FLOATS).tobytes()
        return cls(one.id, vector, one.speech_seconds, one.content, one.enrolled_at)

    def enrollment(self) -> Enrollment:
        """The enrollment of the message."""
        vector = np.frombuffer(self.vector, _FLOATS)
        return Enrollment(self.id, vector, self.speech_seconds, self.content, self.enrolled_at)


class PackedSpeaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A speaker. ``takes``: enrollments; ``former``: those of the previous encoder."""

    id: str
    profile: Profile
    takes: tuple[PackedEnrollment, ...]
    former: tuple[PackedEnrollment, ...] = ()

    @classmethod
    def of(cls, speaker: StoredSpeaker) -> Self:
        """The message of a speaker."""
        takes, former = (tuple(map(PackedEnrollment.of, each)) for each in (speaker.enrollments, speaker.former))
        return cls(id=speaker.id, profile=speaker.profile, takes=takes, former=former)

    def speaker(self) -> StoredSpeaker:
        """The speaker of the message. Raises ValueError for a vector of no whole number of floats."""
        enrollments = tuple([take.enrollment() for take in self.takes])
        return StoredSpeaker(self.id, self.profile, enrollments, tuple([take.enrollment() for take in self.former]))


def has_unit_vectors(speaker: StoredSpeaker, dimensions: Sequence[int]) -> bool:
    """Whether all vectors are unit vectors of these dimensions, of the encoder and of the previous one."""
    for made, dimension in zip((speaker.enrollments, speaker.former), dimensions, strict=True):
        for one in made:
            vector = one.embedding
            if len(vector) != dimension or not _LEAST < vector.dot(vector).item() < _MOST:
                return False  # also for NaN
    return True
