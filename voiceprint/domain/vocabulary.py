"""Vocabulary of requests and answers: modes, statuses, feedback, consent."""

from typing import Literal

import msgspec

__all__ = [
    "Band",
    "Consent",
    "Feedback",
    "Fit",
    "KeptBecause",
    "Mode",
    "Notice",
    "Part",
    "Problem",
    "Status",
    "StreamMode",
]

# How a take fits the others of its speaker.
Fit = Literal["only", "good", "fair", "poor"]
Mode = Literal["identify", "verify", "enroll"]
# A stream may also be a room, in which several people speak for as long as they like.
StreamMode = Literal["identify", "verify", "enroll", "room"]
Status = Literal["identified", "unknown", "ambiguous", "not_enough_speech", "accepted", "rejected", "not_enrolled"]
KeptBecause = Literal["consent_expires", "not_seen"]
Band = Literal["below", "above"]
Problem = Literal["too_quiet", "clipping", "noisy"]
Feedback = Literal["ok", "no_voice", "too_quiet", "clipping", "noisy", "too_short", "other_speaker"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every struct inside a message: frozen, unknown fields refused."""


class Notice(Part, frozen=True, kw_only=True):
    """What is doubtful about audio that was taken all the same: a stable code and one sentence."""

    code: str
    message: str


class Consent(Part, frozen=True, kw_only=True):
    """A speaker's consent: purpose in words, the operator's reference, last day as YYYY-MM-DD."""

    purpose: str
    reference: str | None = None
    expires: str | None = None
