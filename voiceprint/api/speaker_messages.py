"""The messages of the wire about enrolled speakers: who they are, their takes, and what was changed."""

from typing import Literal

import msgspec

from voiceprint.domain.vocabulary import Consent, Fit, KeptBecause, Part

__all__ = [
    "ChangeEvent",
    "ChangeInfo",
    "Forgotten",
    "GivenConsent",
    "KnownAbout",
    "KnownEnrollment",
    "KnownEvent",
    "Merged",
    "Message",
    "SpeakerInfo",
    "SpeakerList",
    "SpeakerRef",
    "Take",
    "Takes",
    "Undoable",
    "Undone",
    "Unlocked",
]

ChangeEvent = Literal["enrolled", "updated", "take_removed", "merged", "renamed", "grouped", "consent"]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    pass


class SpeakerRef(Part, frozen=True, kw_only=True):
    id: str
    name: str


class SpeakerInfo(Message, frozen=True, kw_only=True, tag="speaker"):
    """An enrolled speaker.

    ``created_at``, ``consent_at``: ISO 8601, UTC. Days are YYYY-MM-DD, UTC: ``last_seen``, of the last recognition;
    ``kept_until``, the last day before retention erases (``kept_because``: the reason for that day). ``waiting``: the
    store was moved to another encoder, and reenrollment is pending. ``pending``: takes that wait for an operator.
    """

    id: str
    name: str
    enrollments: int
    speech_seconds_total: float
    created_at: str
    kept_until: str
    kept_because: KeptBecause
    last_seen: str | None = None
    consent: Consent | None = None
    consent_at: str | None = None
    waiting: bool = False
    groups: tuple[str, ...] = ()
    pending: int = 0


class SpeakerList(Message, frozen=True, kw_only=True, tag="speakers"):
    speakers: tuple[SpeakerInfo, ...]


class KnownEnrollment(Part, frozen=True, kw_only=True):
    id: str
    speech_seconds: float
    enrolled_at: str


class KnownEvent(Part, frozen=True, kw_only=True):
    """A line of the audit log about the person."""

    time: str
    event: str
    details: dict[str, str | int | float]


class KnownAbout(Message, frozen=True, kw_only=True, tag="known_about"):
    """Everything held about one person, for that person, but the vectors themselves.

    Times and days as in SpeakerInfo. ``imported_from``: the store that the speaker was imported from.
    """

    id: str
    name: str
    encoder: str
    created_at: str
    last_seen: str | None
    consent: Consent | None
    consent_at: str | None
    kept_until: str
    kept_because: KeptBecause
    imported_from: str | None
    groups: tuple[str, ...] = ()
    enrollments: tuple[KnownEnrollment, ...]
    log: tuple[KnownEvent, ...]


class Forgotten(Message, frozen=True, kw_only=True, tag="forgotten"):
    """``receipt``: signed by the store, for ``voiceprint verify-receipt``."""

    id: str
    enrollments: int
    receipt: dict[str, str | int | bool | list[str]]


class Unlocked(Message, frozen=True, kw_only=True, tag="unlocked"):
    """``rejections``: wrong claims of this id, by all tokens, that count no longer."""

    id: str
    rejections: int


class Take(Part, frozen=True, kw_only=True):
    """One recording of a speaker. ``enrolled_at``: ISO 8601, UTC; ``consistency``: cosine to the mean of the others,
    None for the only one and for who may not see scores; ``fit``: the same as a word; ``pending``: it decides nothing
    before an operator confirms it.
    """

    id: str
    enrolled_at: str
    speech_seconds: float
    consistency: float | None
    fit: Fit
    pending: bool = False


class Takes(Message, frozen=True, kw_only=True, tag="takes"):
    """Oldest first, those that are pending last."""

    speaker: SpeakerRef
    takes: tuple[Take, ...]


class GivenConsent(Part, frozen=True, kw_only=True):
    """What was agreed to under one of two entries. ``consent_at``: ISO 8601, UTC."""

    speaker: SpeakerRef
    consent: Consent | None
    consent_at: str | None


class Merged(Message, frozen=True, kw_only=True, tag="merged"):
    """``speaker``: as it is now; ``consents``: of both entries, of which the one that ends first stays."""

    speaker: SpeakerInfo
    consents: tuple[GivenConsent, GivenConsent]


class ChangeInfo(Part, frozen=True, kw_only=True):
    """A change that can be undone. ``speakers``: the one that it was about first; ``takes``: how many came or went;
    ``at``, ``until`` (the last moment to undo it): ISO 8601, UTC.
    """

    id: str
    event: ChangeEvent
    speakers: tuple[SpeakerRef, ...]
    takes: int
    at: str
    until: str


class Undoable(Message, frozen=True, kw_only=True, tag="undoable"):
    """``change``: None where nothing can be undone."""

    change: ChangeInfo | None


class Undone(Message, frozen=True, kw_only=True, tag="undone"):
    change: ChangeInfo
