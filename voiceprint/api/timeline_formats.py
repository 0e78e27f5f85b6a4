"""A timeline as RTTM, SubRip, WebVTT or CSV."""

import csv
import io
from collections.abc import Callable, Mapping

from voiceprint.api.page_views import Timeline, TimelineTurn

__all__ = ["FORMATS", "to_csv", "to_rttm", "to_srt", "to_vtt"]


def to_rttm(timeline: Timeline, recording: str) -> str:
    """One line a turn, as NIST's evaluations have it; blanks in names become underscores."""
    name = _word(recording)
    return "".join(
        f"SPEAKER {name} {turn.channel or 1} {turn.start_seconds:.3f} {turn.end_seconds - turn.start_seconds:.3f} "
        f"<NA> <NA> {_word(turn.label)} <NA> <NA>\n"
        for turn in timeline.turns
    )


def to_srt(timeline: Timeline, recording: str) -> str:  # noqa: ARG001 - as the others
    """A cue a turn, with its label."""
    return "\n".join(
        f"{number}\n{_clock(turn.start_seconds, ',')} --> {_clock(turn.end_seconds, ',')}\n{_one_line(_said(turn))}\n"
        for number, turn in enumerate(timeline.turns, start=1)
    )


def to_vtt(timeline: Timeline, recording: str) -> str:  # noqa: ARG001 - as the others
    """A cue a turn, in the voice of its label."""
    cues = (
        f"{_clock(turn.start_seconds, '.')} --> {_clock(turn.end_seconds, '.')}\n"
        f"<v {_escaped(turn.label)}>{_escaped(_said(turn))}</v>\n"
        for turn in timeline.turns
    )
    return "\n".join(["WEBVTT\n", *cues])


def to_csv(timeline: Timeline, recording: str) -> str:
    """A row a turn; a label that a spreadsheet would compute is quoted as text."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["file", "start_seconds", "end_seconds", "label", "status", "speaker_id"])
    for turn in timeline.turns:
        speaker_id = turn.speaker.id if turn.speaker else ""
        row = [f"{turn.start_seconds:.2f}", f"{turn.end_seconds:.2f}", _text(turn.label), turn.status, speaker_id]
        writer.writerow([_text(recording), *row])
    return file.getvalue()


FORMATS: Mapping[str, Callable[[Timeline, str], str]] = {
    "rttm": to_rttm, "srt": to_srt, "vtt": to_vtt, "csv": to_csv,
}  # fmt: skip


def _said(turn: TimelineTurn) -> str:
    return f"{turn.label} (ambiguous)" if turn.status == "ambiguous" else turn.label


def _clock(seconds: float, point: str) -> str:
    whole = round(seconds * 1000)
    minutes, milliseconds = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"


def _word(text: str) -> str:
    return "_".join(text.split()) or "_"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
