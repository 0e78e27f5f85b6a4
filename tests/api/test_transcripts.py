"""Names in transcripts of others: the same bytes, but for the labels."""

import json
import time
from contextlib import suppress

import pytest

from voiceprint.api.page_views import Timeline, TimelineTurn
from voiceprint.api.transcripts import KINDS, name_transcript
from voiceprint.errors import InputError


def turn(start: float, end: float, label: str) -> TimelineTurn:
    return TimelineTurn(start_seconds=start, end_seconds=end, status="unknown", speaker=None, label=label)


TIMELINE = Timeline(turns=(turn(0.0, 2.0, 'Zoë "Z"'), turn(2.0, 4.0, "Unknown 1")), audio_seconds=60.0)
WHISPERX = (
    '{"segments": [{"start": 0.1, "end": 3.9, "text": " h\\u00e9 \\"you\\" {", "words": '
    '[{"word": "h\\u00e9", "start": 0.1, "end": 0.4, "score": 0.90, "speaker": "SPEAKER_00"}, '
    '{"word": "7", "speaker": "SPEAKER_00"}, '
    '{"word": "you", "start": 2.1, "end": 3.9, "score": 1e-1, "speaker": "SPEAKER_00"}], "speaker": "SPEAKER_00"}], '
    '"language": "en"}'
)
OPENAI = """{
  "task": "transcribe", "duration": 60.0,
  "segments": [
    {
      "id": 0,
      "start": 2.5,
      "end": 3.5,
      "text": " ok",
      "tokens": [1, 2]
    },
    {"id": 1, "start": 30.0, "end": 31.0, "text": "nobody"}
  ]
}
"""
SRT = (
    "1\r\n00:00:00,100 --> 00:00:01,500\r\nhello\r\nthere\r\n\r\n"
    "2\r\n00:00:02,500 --> 00:00:03,000\r\n[SPEAKER_01]: yes\r\n"
)
VTT = (
    "\ufeffWEBVTT\n\nNOTE x\n\n"
    "00:00.100 --> 00:01.500 align:start\n<v Roger>hello\n\n"
    "00:02.500 --> 00:03.000\nyes\n\n00:40.000 --> 00:41.000\nfar"
)
RTTM = "SPEAKER a 1 2.10  1.0 <NA> <NA> spk0 <NA> <NA>\n;; a comment\nSPEAKER a 1 50 1.0 <NA> <NA> spk1 <NA> <NA>\n"


@pytest.mark.parametrize(
    ("kind", "text", "changes"),
    [
        (
            ".json",
            WHISPERX,
            [
                ('0.90, "speaker": "SPEAKER_00"', '0.90, "speaker": "Zo\\u00eb \\"Z\\""'),
                ('"7", "speaker": "SPEAKER_00"', '"7", "speaker": "Zo\\u00eb \\"Z\\""'),
                ('1e-1, "speaker": "SPEAKER_00"', '1e-1, "speaker": "Unknown 1"'),
                ('}], "speaker": "SPEAKER_00"', '}], "speaker": "Zo\\u00eb \\"Z\\""'),
            ],
        ),
        (".json", OPENAI, [('\n      "id": 0', '\n      "speaker": "Unknown 1",\n      "id": 0')]),
        (".srt", SRT, [("hello", 'Zoë "Z": hello'), ("[SPEAKER_01]", "[Unknown 1]")]),
        (".vtt", VTT, [("<v Roger>", '<v Zoë "Z">'), ("yes", "<v Unknown 1>yes")]),
        (".rttm", RTTM, [("spk0", "Unknown_1")]),
    ],
)
def test_only_labels_change(kind: str, text: str, changes: list[tuple[str, str]]) -> None:
    expected = text
    for before, after in changes:
        assert expected.count(before) == 1
        expected = expected.replace(before, after)
    assert name_transcript(text.encode(), kind, TIMELINE).decode() == expected


def test_a_word_while_two_speak_stays_with_its_segment() -> None:
    timeline = Timeline(turns=(turn(0.0, 6.0, "Ada"), turn(5.0, 8.0, "Ben")), audio_seconds=60.0)
    words = [{"start": at, "end": at + 0.5} for at in (4.0, 5.2, 5.9, 6.5)]
    for start, end, labels in ((0.0, 6.0, "Ada Ada Ben Ben"), (5.0, 8.0, "Ada Ben Ben Ben")):
        transcript = json.dumps({"segments": [{"start": start, "end": end, "words": words}]})
        named = json.loads(name_transcript(transcript.encode(), ".json", timeline))
        assert [word["speaker"] for word in named["segments"][0]["words"]] == labels.split()


@pytest.mark.parametrize(("kind", "text"), [(".json", WHISPERX), (".json", OPENAI), (".rttm", RTTM)])
def test_named_again_nothing_changes(kind: str, text: str) -> None:
    once = name_transcript(text.encode(), kind, TIMELINE)
    assert name_transcript(once, kind, TIMELINE) == once
    if kind == ".json":
        json.loads(once)


def test_without_turns_nothing_changes() -> None:
    for kind, text in ((".json", WHISPERX), (".srt", SRT), (".vtt", VTT), (".rttm", RTTM)):
        assert name_transcript(text.encode(), kind, Timeline(turns=(), audio_seconds=1.0)) == text.encode()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"hello", b"[1, 2"])
def test_what_is_no_transcript_is_one_sentence(kind: str, content: bytes) -> None:
    with pytest.raises(InputError) as refused:
        name_transcript(content, kind, TIMELINE)
    assert refused.value.code == "bad_transcript"
    assert refused.value.message.endswith(".")


# Each of them took minutes or for ever at a size that is taken, with all other requests standing still.
HOSTILE = {
    "digits": (".srt", b"0" * 1_000_000 + b" --> "),
    "times in one line": (".srt", b"00:00:00,000 --> " * 60_000),
    "voices that do not end": (".vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\n" + b"<v." * 100_000),
    "deep JSON": (".json", b"[" * 1_000_000),
    "many objects": (".json", b'{"segments":[' + b'{"start":0,"end":1},' * 50_000 + b'{"start":0,"end":1}]}'),
    "spans that meet all turns": (".rttm", b"SPEAKER a 1 0 9e9 <NA> <NA> s <NA> <NA>\n" * 20_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_takes_for_ever(name: str) -> None:
    kind, content = HOSTILE[name]
    turns = tuple(turn(float(at), at + 1.0, f"Ada {at}") for at in range(1000))
    began = time.thread_time()
    with suppress(InputError):
        name_transcript(content, kind, Timeline(turns=turns, audio_seconds=1000.0))
    assert time.thread_time() - began < 10
