"""Speakers as plain messages in the body of a bundle."""

from typing import Self

import msgspec
import numpy as np

from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker

__all__ = ["PackedSpeaker"]

_FLOATS = np.dtype("<f4")


class PackedEnrollment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """An enrollment; ``vector``: float32, little-endian."""

    id: str
    vector: bytes
    speech_seconds: float
    content: str
    enrolled_at: float

    @classmethod
    def of(cls, one: Enrollment) -> Self:
        """The message of an enrollment."""
        vector = one.embedding.astype("<f4").tobytes()
        return cls(
            id=one.id,
            vector=vector,
            speech_seconds=one.speech_seconds,
            content=one.content,
            enrolled_at=one.enrolled_at,
        )

    def enrollment(self) -> Enrollment:
        """The enrollment of the message."""
        vector = np.frombuffer(self.vector, _FLOATS).astype(np.float32, copy=False)
        return Enrollment(self.id, vector, self.speech_seconds, self.content, self.enrolled_at)


class PackedSpeaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
        """The speaker of the message."""
        enrollments = tuple([take.enrollment() for take in self.takes])
        return StoredSpeaker(self.id, self.profile, enrollments, tuple([take.enrollment() for take in self.former]))
