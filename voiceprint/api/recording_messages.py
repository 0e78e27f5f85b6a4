"""Recordings as jobs, as REST answers them: for clients too, so that it imports nothing heavy."""

from typing import Literal

import msgspec

from voiceprint.api.timeline_messages import Timeline
from voiceprint.domain.vocabulary import Consent, Notice

__all__ = ["JobState", "MoveTurn", "RecordingGone", "RecordingJob", "RecordingList", "ThatWas"]

JobState = Literal["waiting", "running", "done", "failed"]


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class RecordingJob(_Answer, frozen=True, kw_only=True):
    """A recording that is being heard, or was. ``heard_seconds``: of it so far; ``audio_seconds``: of all of it, None
    until it was heard; ``size_bytes``: 0 of a room; ``created_at``, ``expires_at``: ISO 8601, UTC, the latter None
    until it has ended.

    ``timeline``: the turns so far, which may still change until the state is ``done``; left out of lists. ``error``:
    why it failed. ``changes``: how many things that a person said of its voices can be undone.
    """

    id: str
    state: JobState
    heard_seconds: float
    audio_seconds: float | None
    received_bytes: int
    size_bytes: int
    created_at: str
    expires_at: str | None
    timeline: Timeline | None = None
    error: Notice | None = None
    changes: int = 0


class RecordingList(_Answer, frozen=True, kw_only=True):
    recordings: tuple[RecordingJob, ...]


class RecordingGone(_Answer, frozen=True, kw_only=True):
    id: str


class MoveTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose a single turn is: another ``voice`` of the recording (its number), one enrolled (``speaker``: the id), or
    with neither a stranger's. It changes the label alone: nothing is enrolled.
    """

    voice: int | None = None
    speaker: str | None = None


class ThatWas(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose voice it is: a new speaker's (``name``), one enrolled (``speaker``: the id), or with neither a stranger's.

    ``learn``: enroll the voice as well, with this ``consent``; ``force``: though it does not sound like the speaker.
    """

    name: str | None = None
    speaker: str | None = None
    consent: Consent | None = None
    learn: bool = True
    force: bool = False
