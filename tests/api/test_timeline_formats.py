"""A timeline in the formats of others: RTTM, SubRip, WebVTT, CSV."""

import csv
import io

import pytest

from voiceprint.api.messages import SpeakerRef
from voiceprint.api.page_views import Timeline, TimelineTurn
from voiceprint.api.timeline_formats import FORMATS, to_csv, to_rttm, to_srt, to_vtt

ADA = SpeakerRef(id="1" * 32, name="Ada <b> & Söhne")
TIMELINE = Timeline(
    turns=(
        TimelineTurn(start_seconds=0.5, end_seconds=61.25, status="identified", speaker=ADA, label=ADA.name),
        TimelineTurn(start_seconds=60.0, end_seconds=3723.004, status="unknown", speaker=None, label="Unknown 1"),
        TimelineTurn(start_seconds=3724.0, end_seconds=3725.0, status="ambiguous", speaker=None, label="Unknown 2"),
    ),
    audio_seconds=3730.0,
    segmented=True,
)
EMPTY = Timeline(turns=(), audio_seconds=3.0)


def test_rttm_has_one_line_a_turn_with_no_blank_in_a_field() -> None:
    lines = [line.split(" ") for line in to_rttm(TIMELINE, "board meeting").splitlines()]
    assert [len(line) for line in lines] == [10, 10, 10]
    assert lines[0][:5] == ["SPEAKER", "board_meeting", "1", "0.500", "60.750"]
    assert [line[7] for line in lines] == ["Ada_<b>_&_Söhne", "Unknown_1", "Unknown_2"]


def test_srt_numbers_its_cues_and_says_what_is_ambiguous() -> None:
    cues = to_srt(TIMELINE, "x").split("\n\n")
    assert cues[0] == "1\n00:00:00,500 --> 00:01:01,250\nAda <b> & Söhne"
    assert cues[1] == "2\n00:01:00,000 --> 01:02:03,004\nUnknown 1"
    assert cues[2] == "3\n01:02:04,000 --> 01:02:05,000\nUnknown 2 (ambiguous)\n"


def test_vtt_gives_each_cue_a_voice_and_no_name_is_markup() -> None:
    text = to_vtt(TIMELINE, "x")
    assert text.startswith("WEBVTT\n\n00:00:00.500 --> 00:01:01.250\n<v Ada &lt;b&gt; &amp; Söhne>")
    assert text.count("-->") == 3


@pytest.mark.parametrize("label", ["=1+1", "@x", "-2", "+3", 'a "b", c'])
def test_no_name_is_computed_by_a_spreadsheet(label: str) -> None:
    turn = TimelineTurn(start_seconds=0.0, end_seconds=1.0, status="unknown", speaker=None, label=label)
    row = list(csv.reader(io.StringIO(to_csv(Timeline(turns=(turn,), audio_seconds=1.0), "m"))))[1]
    assert row[3].endswith(label)
    assert row[3][0] not in "=+-@"


@pytest.mark.parametrize("name", FORMATS)
def test_a_recording_without_speech_is_a_whole_file_without_turns(name: str) -> None:
    assert FORMATS[name](EMPTY, "x").count("\n") == {"rttm": 0, "srt": 0, "vtt": 1, "csv": 1}[name]
