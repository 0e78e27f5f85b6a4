"""The timeline of a recording, as REST answers it: for clients too, so that it imports nothing heavy."""

import msgspec

from voiceprint.api.speaker_messages import SpeakerRef
from voiceprint.domain.vocabulary import Status

__all__ = ["Timeline", "TimelineTurn"]


class TimelineTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One turn. ``speaker``: None where the status is not ``identified``."""

    start_seconds: float
    end_seconds: float
    status: Status
    speaker: SpeakerRef | None


class Timeline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The turns of a recording, in order."""

    turns: tuple[TimelineTurn, ...]
    audio_seconds: float
