"""A timeline in the shape that clients of speech servers like OpenAI's know: segments with a speaker."""

import msgspec

from voiceprint.api.timeline_messages import Timeline

__all__ = ["DiarizedRecording", "DiarizedSegment", "diarized"]


class DiarizedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """``start``, ``end``: seconds; ``speaker``: the name, or what an unnamed voice is called throughout."""

    id: str
    start: float
    end: float
    speaker: str


class DiarizedRecording(msgspec.Struct, frozen=True, kw_only=True):
    """``duration``: seconds; ``segments``: in order, overlapping where people talk at once."""

    task: str = "diarize"
    duration: float
    num_speakers: int
    segments: tuple[DiarizedSegment, ...]


def diarized(timeline: Timeline) -> DiarizedRecording:
    """The turns of a timeline as segments."""
    return DiarizedRecording(
        duration=timeline.audio_seconds,
        num_speakers=len({turn.label for turn in timeline.turns}),
        segments=tuple(
            DiarizedSegment(id=f"seg_{number:03d}", start=turn.start_seconds, end=turn.end_seconds, speaker=turn.label)
            for number, turn in enumerate(timeline.turns, start=1)
        ),
    )
