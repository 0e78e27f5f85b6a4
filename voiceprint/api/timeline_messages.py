"""The timeline of a recording, as REST answers it: for clients too, so that it imports nothing heavy."""

import msgspec

from voiceprint.api.speaker_messages import SpeakerRef
from voiceprint.domain.vocabulary import Notice, Status

__all__ = ["Timeline", "TimelineTurn", "TimelineVoice"]


class TimelineTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One turn. ``speaker``: None where the status is not ``identified``.

    ``between``: where it is ``ambiguous``, the two who are too close, for callers who see scores; ``channel``: counted
    from 1, where each person has one alone; ``label``: the speaker's name, or what an unnamed voice is called
    throughout its recording; ``voice``: the number of its voice there, 0 where voices are not told apart;
    ``corrected``: whether a person said whose it is.
    """

    start_seconds: float
    end_seconds: float
    status: Status
    speaker: SpeakerRef | None
    between: tuple[SpeakerRef, ...] = ()
    channel: int | None = None
    label: str = ""
    voice: int = 0
    corrected: bool = False


class TimelineVoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One voice of a recording. ``voice``: its number, from 1; ``rule``: by which it was decided, in one sentence;
    ``nameable``: whether a person can still say whose it is, and have it enrolled.
    """

    voice: int
    label: str
    status: Status
    speaker: SpeakerRef | None
    speech_seconds: float
    rule: str
    nameable: bool = False
    corrected: bool = False


class Timeline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The turns of a recording, by their start. ``lost_seconds``: what did not decode.

    ``segmented``: speakers who talk at once have overlapping turns, and unnamed voices are told apart by their labels.
    """

    turns: tuple[TimelineTurn, ...]
    audio_seconds: float
    lost_seconds: float = 0.0
    warnings: tuple[Notice, ...] = ()
    segmented: bool = False
    voices: tuple[TimelineVoice, ...] = ()
