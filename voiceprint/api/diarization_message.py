"""A timeline in the shape of OpenAI's transcriptions with speakers (``diarized_json``), without their text."""

import math

import msgspec

from voiceprint.api.timeline_messages import Timeline

__all__ = ["DiarizedRecording", "DiarizedSegment", "UsedSeconds", "diarized"]


class DiarizedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """``start``, ``end``: seconds; ``speaker``: the name, or what an unnamed voice is called throughout.

    ``text``: empty, where OpenAI's ``diarized_json`` has what was said.
    """

    type: str = "transcript.text.segment"
    id: str
    start: float
    end: float
    speaker: str
    text: str = ""


class UsedSeconds(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer took, as OpenAI counts it: whole seconds of sound."""

    type: str = "duration"
    seconds: int


class DiarizedRecording(msgspec.Struct, frozen=True, kw_only=True):
    """``duration``: seconds; ``segments``: in order, overlapping where people talk at once."""

    task: str = "transcribe"
    duration: float
    num_speakers: int
    text: str = ""
    segments: tuple[DiarizedSegment, ...]
    usage: UsedSeconds


def diarized(timeline: Timeline) -> DiarizedRecording:
    """The turns of a timeline as segments."""
    return DiarizedRecording(
        duration=timeline.audio_seconds,
        num_speakers=len({turn.label for turn in timeline.turns}),
        segments=tuple(
            DiarizedSegment(id=f"seg_{number:03d}", start=turn.start_seconds, end=turn.end_seconds, speaker=turn.label)
            for number, turn in enumerate(timeline.turns, start=1)
        ),
        usage=UsedSeconds(seconds=math.ceil(timeline.audio_seconds)),
    )
