"""voiceprint timeline: in this process, with a toy encoder and a segmentation that hears where it is loud."""

import io
import json
import sys
from pathlib import Path

import pytest
from support.command_line import Command, command_over
from support.loudness import LoudnessSegmentation
from support.recordings import wav
from support.toys import ToyActivity, ToyEncoder, tone

from voiceprint.encoding.segmentation import Segmentation


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(Segmentation, "find", lambda *_: LoudnessSegmentation())
    return command_over(tmp_path, ToyEncoder(), ToyActivity(), monkeypatch)


@pytest.fixture
def recording(tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> Path:
    """Ada, who is enrolled."""
    for name, seconds in (("ada", 4.0), ("talk", 6.0)):
        (tmp_path / f"{name}.wav").write_bytes(wav(tone(200, seconds)))
    assert command("enroll", "Ada", tmp_path / "ada.wav") == 0
    capsys.readouterr()
    return tmp_path / "talk.wav"


def test_each_shape_names_who_is_known(command: Command, recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("timeline", recording) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].endswith("talk.wav: 7.0 s")
    assert said.splitlines()[1].split()[2:] == ["Ada"]
    for shape, beginning in (("rttm", "SPEAKER talk 1 "), ("srt", "1\n"), ("vtt", "WEBVTT"), ("csv", "file,")):
        assert command("timeline", recording, f"--{shape}") == 0
        text = capsys.readouterr().out
        assert text.startswith(beginning)
        assert "Ada" in text
    assert command("timeline", recording, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["segmented"], [turn["label"] for turn in found["turns"]]) == (True, ["Ada"])


def test_a_bad_file_is_named_and_the_others_are_answered(
    command: Command, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.html").write_text("<html>")
    assert command("timeline", tmp_path / "page.html", recording, "--srt") == 2
    captured = capsys.readouterr()
    assert "page.html" in captured.err
    assert "Ada" in captured.out


def test_without_the_segmentation_it_is_said(
    command: Command, recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Segmentation, "find", lambda *_: None)
    assert command("timeline", recording, "--json") == 0
    captured = capsys.readouterr()
    assert "'voiceprint models fetch' gets" in captured.err
    assert json.loads(captured.out)["segmented"] is False


@pytest.mark.parametrize("out", [True, False])
def test_a_transcript_gets_names(
    command: Command, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: bool
) -> None:
    transcript = tmp_path / "talk.srt"
    transcript.write_bytes(b"1\r\n00:00:01,000 --> 00:00:03,000\r\n[SPEAKER_00]: hm\r\n")
    printed = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", printed)
    options = ["--out", tmp_path / "named.srt"] if out else []
    assert command("name", transcript, "--audio", recording, *options) == 0
    said = (tmp_path / "named.srt").read_bytes() if out else printed.buffer.getvalue()
    assert said == b"1\r\n00:00:01,000 --> 00:00:03,000\r\n[Ada]: hm\r\n"


@pytest.mark.parametrize("name", ["talk.txt", "missing.srt"])
def test_what_is_no_transcript_is_one_line(
    command: Command, recording: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "talk.txt").write_text("hm")
    assert command("name", tmp_path / name, "--audio", recording) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
