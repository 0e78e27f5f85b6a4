"""Names in a transcript that exists: the same text, but for its speaker labels."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from voiceprint.api.page_views import Timeline, TimelineTurn
from voiceprint.api.transcript_json import LabelOf, label_json
from voiceprint.errors import InputError

__all__ = ["KINDS", "name_transcript"]

# Speech further than this from every turn gets no label.
NEAR_SECONDS = 1.0
# Of a word that two speak: so much of the one's share is as much as the other's.
BOTH_SPEAK = 0.9
# Words meet one or two turns; spans that all meet all turns would take for ever.
MAX_MEETINGS = 3_000_000
# A file is anything that anybody sends: every repetition has an end, so that no search begins anew at each place.
_CUE = re.compile(
    r"(?P<times>(?<![\d:])(?P<start>(?:\d{1,4}:)?\d{1,4}:\d{1,4}[.,]\d{1,9}+)[ \t]{1,9}+-->"
    r"[ \t]{1,9}+(?P<end>(?:\d{1,4}:)?\d{1,4}:\d{1,4}[.,]\d{1,9}+)[^\r\n]{0,400}+\r?\n)"
    r"(?P<text>(?:[^\r\n]+(?:\r?\n|\Z))+)"
)
# As transcribers mark speakers before a cue.
_BRACKET = re.compile(r"\[[^\]\r\n]{1,80}\](?=: )")
_PREFIX = re.compile(r"(?:SPEAKER_\d+|[Ss]peaker \d+|Unknown \d+)(?=: )")
_VOICE = re.compile(r"<v(?:\.[^ >]{0,80})? [^>\r\n]{0,200}>")


def name_transcript(content: bytes, kind: str, timeline: Timeline) -> bytes:
    """The transcript, bit-identical but for its labels. ``kind``: one of ``KINDS``.

    Raises InputError (``bad_transcript``).
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("bad_transcript", "The transcript is not UTF-8.") from error
    return KINDS[kind](text, _Labels(timeline.turns).of).encode("utf-8")


class _Labels:
    """The labels of spans, by the turns that they meet."""

    def __init__(self, turns: Sequence[TimelineTurn]) -> None:
        self._turns = sorted(turns, key=lambda turn: turn.start_seconds)
        self._starts = [turn.start_seconds for turn in self._turns]
        self._longest = max((turn.end_seconds - turn.start_seconds for turn in turns), default=0.0)
        self._left = MAX_MEETINGS

    def of(self, start: float, end: float, around: str | None = None) -> str | None:
        """The label that speaks most of a span; for one without speech that of the nearest turn. ``around``: that of
        what the span is part of, which goes on while another speaks, too.

        Raises InputError (``bad_transcript``) where too many spans met too many turns.
        """
        turns = self._near(start, end)
        shares: dict[str, float] = {}
        for turn in turns:
            shared = min(end, turn.end_seconds) - max(start, turn.start_seconds)
            if shared > 0:
                shares[turn.label] = shares.get(turn.label, 0.0) + shared
        if shares:
            most = max(shares, key=lambda label: shares[label])
            return around if around and shares.get(around, 0.0) >= BOTH_SPEAK * shares[most] else most
        gaps = [(max(turn.start_seconds - end, start - turn.end_seconds), turn.label) for turn in turns]
        gap, label = min(gaps, default=(NEAR_SECONDS + 1, ""))
        return label if gap <= NEAR_SECONDS else None

    def _near(self, start: float, end: float) -> Sequence[TimelineTurn]:
        first = bisect_left(self._starts, start - NEAR_SECONDS - self._longest)
        found = self._turns[first : bisect_right(self._starts, end + NEAR_SECONDS)]
        self._left -= len(found)
        if self._left < 0:
            raise InputError("bad_transcript", "The spans of the transcript meet too many turns.")
        return found


def _cues(text: str, label_of: LabelOf, mark: Callable[[str, str], str]) -> str:
    seen = 0

    def named(cue: re.Match[str]) -> str:
        nonlocal seen
        seen += 1
        label = label_of(_seconds(cue["start"]), _seconds(cue["end"]), None)
        return cue[0] if label is None else cue["times"] + mark(cue["text"], " ".join(label.split()))

    changed = _CUE.sub(named, text)
    if not seen:
        raise InputError("bad_transcript", "There is no cue in the transcript.")
    return changed


def _mark_srt(text: str, label: str) -> str:
    if _BRACKET.match(text):
        return _BRACKET.sub(lambda _: f"[{label}]", text, count=1)
    if _PREFIX.match(text):
        return _PREFIX.sub(lambda _: label, text, count=1)
    return f"{label}: {text}"


def _mark_vtt(text: str, label: str) -> str:
    if _BRACKET.match(text) or _PREFIX.match(text):
        return _mark_srt(text, label)
    safe = label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if _VOICE.search(text):
        return _VOICE.sub(lambda _: f"<v {safe}>", text, count=1)
    return f"<v {safe}>{text}"


def _rttm(text: str, label_of: LabelOf) -> str:
    lines = text.splitlines(keepends=True)
    seen = 0
    for number, line in enumerate(lines):
        fields = re.split(r"(\s+)", line)
        if fields[0] != "SPEAKER" or len(fields) < 15:
            continue
        try:
            start, seconds = float(fields[6]), float(fields[8])
        except ValueError:
            continue
        seen += 1
        if label := label_of(start, start + seconds, None):
            fields[14] = "_".join(label.split())
            lines[number] = "".join(fields)
    if not seen:
        raise InputError("bad_transcript", "There is no line of an RTTM in the transcript.")
    return "".join(lines)


def _seconds(clock: str) -> float:
    seconds = 0.0
    for part in clock.replace(",", ".").split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


KINDS: Mapping[str, Callable[[str, LabelOf], str]] = {
    ".json": label_json,
    ".srt": partial(_cues, mark=_mark_srt),
    ".vtt": partial(_cues, mark=_mark_vtt),
    ".rttm": _rttm,
}
