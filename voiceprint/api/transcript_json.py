"""Speaker labels in a transcript as JSON, changed in the text itself: all else stays as it was, byte by byte.

Whatever has a start and an end in seconds is labelled: segments and words of WhisperX, faster-whisper and OpenAI's
verbose JSON alike.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from voiceprint.errors import InputError

__all__ = ["label_json"]

# The label of a span in seconds, None for none; the third: that of what it is part of.
LabelOf = Callable[[float, float, str | None], str | None]
_BLANK = re.compile(r"(?!\s)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(slots=True)
class _Object:
    """``begin``: behind its brace; ``fields``: key to the place of a plain value."""

    begin: int
    parent: "_Object | None"
    fields: dict[str, tuple[int, int]] = field(default_factory=dict)
    label: str | None = None


def label_json(text: str, label_of: LabelOf) -> str:
    """The transcript with its labels. Raises InputError (``bad_transcript``): no JSON, or nothing in it has times."""
    try:
        json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise InputError("bad_transcript", f"The transcript is no JSON: {error}.") from error
    changes: list[tuple[int, int, str]] = []
    timed = 0
    for found in _objects(text):
        span = _span(text, found)
        timed += span is not None
        around = found.parent.label if found.parent else None
        own = label_of(*span, around) if span else None
        found.label = own or around
        if found.label is not None and (own or (span is None and "speaker" in found.fields)):
            changes.append(_change(text, found, found.label))
    if not timed:
        raise InputError("bad_transcript", "Nothing in the transcript has a start and an end.")
    return _spliced(text, sorted(changes))


def _spliced(text: str, changes: Sequence[tuple[int, int, str]]) -> str:
    """The text with what is new in these places, in the order of the text."""
    pieces, at = [], 0
    for begin, end, new in changes:
        pieces += [text[at:begin], new]
        at = end
    return "".join((*pieces, text[at:]))


def _objects(text: str) -> list[_Object]:
    """All objects, parents first."""
    found: list[_Object] = []
    stack: list[_Object | None] = []
    around: list[_Object | None] = [None]  # the object around each of the stack, and around what comes next
    key, last = "", ""
    for token in _TOKEN.finditer(text):
        word, inside = token[0], stack[-1] if stack else None
        if word in ("{", "["):
            stack.append(_Object(token.end(), around[-1]) if word == "{" else None)
            around.append(stack[-1] or around[-1])
            found += [stack[-1]] if stack[-1] else []
        elif word in ("}", "]"):
            stack.pop()
            around.pop()
        elif word == ":" and inside:
            key = json.loads(last)
        elif word not in (",", ":") and inside and key:
            inside.fields[key], key = token.span(), ""
        if word in ("{", "[", ","):
            key = ""
        last = word
    return found


def _span(text: str, found: _Object) -> tuple[float, float] | None:
    try:
        start, end = (float(text[slice(*found.fields[name])]) for name in ("start", "end"))
    except (KeyError, ValueError):
        return None
    return start, end


def _change(text: str, found: _Object, label: str) -> tuple[int, int, str]:
    """Place and new text: the label in place of the old one, else a first field."""
    said = json.dumps(label, ensure_ascii=text.isascii())
    if "speaker" in found.fields:
        return (*found.fields["speaker"], said)
    blank = text[found.begin : _BLANK.search(text, found.begin).start()]  # type: ignore[union-attr]  # it matches ""
    return found.begin, found.begin, f'{blank}"speaker": {said},{"" if blank else " "}'
