"""The stored speaker: profile, enrollments, and the encoder that made them."""

import secrets
import time
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.consent import merged_consent
from voiceprint.domain.vocabulary import Consent, Notice

__all__ = ["EncoderIdentity", "Enrollment", "PendingTake", "Profile", "StoredSpeaker", "new_id"]


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Name, fingerprint (SHA-256) and embedding dimension of an encoder."""

    id: str
    fingerprint: str
    dimension: int


class Enrollment(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One enrolled utterance: unit embedding (dimension,), speech in seconds, hash of the clip.

    ``content``: keyed hash; empty where the clip is not to be recognised again; ``enrolled_at``: seconds since 1970.
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
        """An enrollment made now, under a random id."""
        return cls(new_id(), embedding, speech_seconds, content, time.time(), warnings)

    def without_content(self) -> "Enrollment":
        """The same enrollment without the hash of its clip."""
        return msgspec.structs.replace(self, content="")


class PendingTake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An enrollment that decides nothing before an operator confirms it; ``vector``: float32, little-endian."""

    id: str
    vector: bytes
    speech_seconds: float
    content: str
    enrolled_at: float

    @classmethod
    def of(cls, one: Enrollment) -> "PendingTake":
        """The pending take of an enrollment."""
        return cls(one.id, one.embedding.astype("<f4").tobytes(), one.speech_seconds, one.content, one.enrolled_at)

    def enrollment(self) -> Enrollment:
        """The enrollment that it becomes."""
        vector = np.frombuffer(self.vector, "<f4").astype(np.float32)
        return Enrollment(self.id, vector, self.speech_seconds, self.content, self.enrolled_at)

    def __repr__(self) -> str:
        return f"PendingTake({self.id})"


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, gc=False):
    """Personal data of a speaker; on disk only inside a seal.

    Times: seconds since 1970. ``last_seen``: a day, YYYY-MM-DD. ``origin``: id of the store that the speaker was
    imported from. ``enrolled_by``: id of the token; None for an operator on the machine itself. ``pending``: takes by
    others than that token, oldest first.
    """

    name: str
    created_at: float
    consent: Consent | None = None
    consent_at: float | None = None
    last_seen: str | None = None
    origin: str | None = None
    groups: tuple[str, ...] = ()
    enrolled_by: str | None = None
    pending: tuple[PendingTake, ...] = ()

    def agreed(self, consent: Consent | None) -> "Profile":
        """The profile with another consent, given now."""
        return msgspec.structs.replace(self, consent=consent, consent_at=time.time() if consent else None)

    def joined(self, other: "Profile") -> "Profile":
        """The profile of a speaker who takes over another entry of the same person.

        Name and creation stay; groups are those of both; of two consents the one that ends first stays.
        """
        kept = merged_consent((self.consent, self.consent_at), (other.consent, other.consent_at))
        return msgspec.structs.replace(
            self,
            # Operators alone add to what two tokens enrolled.
            enrolled_by=self.enrolled_by if self.enrolled_by == other.enrolled_by else None,
            pending=(*self.pending, *other.pending),
            consent=kept[0],
            consent_at=kept[1],
            last_seen=max((day for day in (self.last_seen, other.last_seen) if day is not None), default=None),
            groups=tuple(sorted({*self.groups, *other.groups})),
        )


class StoredSpeaker(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A speaker as the store holds them.

    ``enrollments``: embeddings of the store's encoder. ``former``: embeddings of the previous encoder, while the store
    is migrated; the two are never compared with each other.
    """

    id: str
    profile: Profile
    enrollments: tuple[Enrollment, ...]
    former: tuple[Enrollment, ...] = ()

    @property
    def pending_reenrollment(self) -> bool:
        """Whether reenrollment under the store's encoder is pending."""
        return not self.enrollments

    @property
    def pending_takes(self) -> tuple[Enrollment, ...]:
        """Takes that decide nothing yet."""
        return tuple(take.enrollment() for take in self.profile.pending)

    @property
    def name(self) -> str:
        """Display name."""
        return self.profile.name

    @property
    def created_at(self) -> float:
        """Seconds since 1970."""
        return self.profile.created_at

    @property
    def speech_seconds(self) -> float:
        """Seconds of speech in all enrollments together."""
        return sum(enrollment.speech_seconds for enrollment in self.enrollments)


def new_id() -> str:
    """A random id: 128 bits, hex."""
    return secrets.token_hex(16)
