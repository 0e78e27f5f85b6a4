"""What an operator does with people on the command line: in this process, with a toy encoder."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import Command, command_over
from support.recordings import wav
from support.toys import ToyActivity, ToyEncoder, tone

from voiceprint.cli import build_parser

ADA, BEN, STRANGER = 200, 600, 1000
Said = Callable[..., str]


@pytest.fixture
def clips(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "clips"
    folder.mkdir()
    voices = {
        "ada1": (ADA, 4.0),
        "ada2": (ADA, 5.0),
        "ada3": (ADA, 6.0),
        "ben1": (BEN, 4.0),
        "stranger": (STRANGER, 4.0),
    }
    for name, (pitch, seconds) in voices.items():
        (folder / f"{name}.wav").write_bytes(wav(tone(pitch, seconds)))
    return {name: folder / f"{name}.wav" for name in voices}


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return command_over(tmp_path, ToyEncoder(), ToyActivity(), monkeypatch)


@pytest.fixture
def ada(command: Command, clips: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("enroll", "Ada", clips["ada1"], clips["ada2"], "--consent", "door") == 0
    assert command("enroll", "Ben", clips["ben1"]) == 0
    capsys.readouterr()


@pytest.fixture
def said(command: Command, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command prints, where it ends with the exit code that is expected of it."""

    def run(*arguments: object, code: int = 0) -> str:
        assert command(*arguments) == code, capsys.readouterr()
        captured = capsys.readouterr()
        return captured.out if code in (0, 1) else captured.out + captured.err

    return run


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("ada")
def test_takes_are_listed_and_one_goes_by_the_beginning_of_its_id(said: Said, clips: dict[str, Path]) -> None:
    assert "does not sound like Ada" in said("enroll", "Ada", clips["stranger"], code=2)
    said("enroll", "Ada", clips["ada3"])
    assert "Ada: 4 enrollments" in said("enroll", "Ada", clips["stranger"], "--anyway")
    listed = said("takes", "Ada").splitlines()
    assert listed[0] == "Ada: 4 recordings"
    assert [line.split("s  ")[1].split(" (")[0] for line in listed[1:]] == [*["fits well"] * 3, "does not fit"]
    (takes,) = objects(said("takes", "Ada", "--json"))
    assert [take["fit"] for take in takes["takes"]] == ["good", "good", "good", "poor"]
    last = takes["takes"][3]["id"]
    assert said("takes", "Ada", "--remove", last[:8]).startswith("Ada: 3 recordings")
    assert "no recording" in said("takes", "Ada", "--remove", "zz", code=2)
    assert "Undone: the recording taken out of Ada is back." in said("undo")


@pytest.mark.usefixtures("ada")
def test_two_entries_are_merged_with_both_consents_shown(said: Said, clips: dict[str, Path]) -> None:
    told = said("enroll", "Ada phone", clips["ada3"], "--consent", "phone", "--consent-until", "2999-12-31")
    assert told.startswith("Ada phone: 1 enrollment, ")
    assert "sounds like Ada (score" in told
    assert "does not sound like" in said("merge", "Ada", "Ben", code=2)
    merged = said("merge", "Ada", "Ada phone").splitlines()
    assert merged[0].startswith("Ada: 3 enrollments")
    assert merged[1].strip().startswith("Ada: consent of ")
    assert "'phone', until 2999-12-31" in merged[2]
    assert "until 2999-12-31" in said("consent", "Ada")
    assert said("undo", "--show").startswith("Ada phone was merged into Ada at ")
    assert said("undo") == "Undone: Ada and Ada phone are two entries again.\n"
    assert "2999" not in said("consent", "Ada")
    assert said("undo", "--show") == "There is no change of the last hour that could be undone.\n"
    assert "last hour" in said("undo", code=2)


UNDONE = {
    "Ada is not enrolled": ("enroll", "Cem", "stranger"),
    "has the name": ("rename", "Ada", "Augusta"),
    "is in the groups": ("group", "Ada", "home"),
    "has the consent": ("consent", "Ada", "window"),
    "what was added to Ada is out again (1 recording)": ("enroll", "Ada", "ada3"),
}


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("sentence", UNDONE)
def test_every_change_is_undone_by_one_command(said: Said, clips: dict[str, Path], sentence: str) -> None:
    before = said("speakers", "--json")
    said(*(clips.get(argument, argument) for argument in UNDONE[sentence]))
    assert said("speakers", "--json") != before
    assert sentence.replace("Ada is not", "Cem is not") in said("undo")
    assert said("speakers", "--json") == before


@pytest.mark.usefixtures("ada")
def test_a_look_at_groups_and_consent_changes_nothing(said: Said) -> None:
    assert said("group", "Ada", "home", "work") == "Ada: home, work\n"
    assert said("group", "Ada") == "Ada: home, work\n"
    assert "not both" in said("group", "Ada", "home", "--none", code=2)
    assert said("group", "Ada", "--none") == "Ada: in no group\n"
    assert "to 'door', kept until" in said("consent", "Ada")
    assert said("consent", "Ben").startswith("Ben: no consent on record, kept until ")
    assert "ended on 2020-01-01" in said("consent", "Ben", "door", "--until", "2020-01-01", code=2)
    assert "purpose" in said("consent", "Ben", "--until", "2999-01-01", code=2)
    assert "until 2999-01-01" in said("consent", "Ben", "door", "--reference", "form 7", "--until", "2999-01-01")
    assert said("rename", "Ben", "Benjamin") == "Ben is Benjamin now.\n"


@pytest.mark.usefixtures("ada")
def test_a_consent_that_is_over_enrolls_nobody(said: Said, clips: dict[str, Path]) -> None:
    for arguments in (("Cem", clips["stranger"]), ("Ada", clips["ada3"]), ("--folder", clips["ada1"].parents[1])):
        over = said("enroll", *arguments, "--consent", "door", "--consent-until", "2020-01-01", code=2)
        assert "ended on 2020-01-01" in over
    assert said("speakers").splitlines()[-2].startswith("2 speakers, encoder ")


@pytest.mark.usefixtures("ada")
def test_no_is_an_exit_code_of_its_own(said: Said, clips: dict[str, Path], tmp_path: Path) -> None:
    assert objects(said("verify", "Ada", clips["ada3"], "--json"))[0]["status"] == "accepted"
    assert objects(said("verify", "Ada", clips["ben1"], "--json", code=1))[0]["status"] == "rejected"
    said("identify", clips["ada3"], clips["ben1"])
    said("identify", clips["ada3"], clips["stranger"], code=1)
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"<html>")
    said("identify", clips["stranger"], bad, code=2)


@pytest.mark.usefixtures("ada")
def test_candidates_are_listed_in_text_when_asked_for(said: Said, clips: dict[str, Path]) -> None:
    assert len(said("identify", clips["ada3"]).splitlines()) == 1
    lines = said("identify", clips["ada3"], "--top-k", 2).splitlines()
    assert lines[1].strip().startswith("1. Ada, score 0.9")
    assert lines[2].strip().startswith("2. Ben, score ")
    assert len(objects(said("identify", clips["ada3"], "--json"))[0]["candidates"]) == 2


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("arguments", [("identify",), ("verify", "Ada"), ("enroll", "Ada"), ("timeline",)])
def test_a_recording_may_come_on_standard_input(
    said: Said, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(clips["ada3"].read_bytes())))
    assert "Ada" in said(*arguments, "-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert "is empty" in said(*arguments, "-", code=2)
    if arguments[0] == "timeline":  # a person's own files have limits of their own
        return
    monkeypatch.setenv("VOICEPRINT_MAX_UPLOAD_BYTES", "1000")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bytes(1001))))
    assert "More than 1000 bytes" in said(*arguments, "-", code=2)


@pytest.mark.usefixtures("ada")
def test_a_file_name_that_is_no_text_is_answered_like_any_other(
    said: Said, clips: dict[str, Path], tmp_path: Path
) -> None:
    odd = Path(str(tmp_path / "lat") + "\udce9.wav")
    odd.write_bytes(clips["ada3"].read_bytes())
    gone = Path(str(tmp_path / "gone") + "\udce9.wav")
    lines = objects(said("identify", odd, gone, clips["ben1"], "--json", code=2).split("voiceprint:")[0])
    assert [line.get("status") for line in lines] == ["identified", None, "identified"]
    assert [line["file"].rsplit("/", 1)[1] for line in lines] == ["lat\\xe9.wav", "gone\\xe9.wav", "ben1.wav"]
    assert lines[1]["error"]["code"] == "audio_unreadable"
    assert "lat\\xe9.wav: Ada" in said("identify", odd)
    assert said("enroll", "Ada", odd).startswith("Ada: 3 enrollments")
    assert "lat\\xe9.wav: 7.0 s" in said("timeline", odd)


@pytest.mark.usefixtures("ada")
def test_speakers_are_sorted_and_filtered(said: Said, clips: dict[str, Path]) -> None:
    def names(*arguments: object) -> list[str]:
        return [entry["name"] for entry in objects(said("speakers", "--json", *arguments))]

    said("enroll", "ada phone", clips["ada3"])
    said("group", "Ben", "home")
    assert names() == ["Ada", "ada phone", "Ben"]
    assert names("--match", "ADA") == ["Ada", "ada phone"]
    assert names("--sort", "speech", "--reverse") == ["Ada", "ada phone", "Ben"]
    assert names("--sort", "speech", "--limit", 1) == ["Ben"]
    assert names("--group", "home") == ["Ben"]
    text = said("speakers", "--match", "ben").splitlines()
    assert text[0].endswith("in home")
    assert "1 enrollment, " in text[0]
    assert text[2].startswith("3 speakers, 1 of them listed, encoder ")


@pytest.mark.usefixtures("ada")
def test_one_is_not_plural(said: Said) -> None:
    assert "1 enrollment and their key" in said("forget", "Ben")
    assert said("speakers").splitlines()[-2].startswith("1 speaker, encoder ")


def test_a_folder_is_enrolled_with_who_has_no_voiceprint_and_why(
    said: Said, clips: dict[str, Path], tmp_path: Path
) -> None:
    root = tmp_path / "people"
    people = {"Ada": ["ada1", "ada2"], "Ada phone": ["ada3"], "Two": ["ben1", "stranger"], "Empty": [], "Bad": []}
    for name, takes in people.items():
        (root / name).mkdir(parents=True)
        for take in takes:
            (root / name / f"{take}.wav").write_bytes(clips[take].read_bytes())
    (root / "Bad" / "noise.wav").write_bytes(b"no audio")
    (root / "notes.txt").write_bytes(b"x")
    text = said("enroll", "--folder", root, code=2)
    assert "Ada phone sounds like Ada; if it is one person: voiceprint merge" in text
    assert "no voiceprint: Empty: There is no recording in this folder." in text
    assert "no voiceprint: Bad: noise.wav: " in text
    assert "no voiceprint: Two: 2 recordings: These recordings do not sound like one person." in text
    assert "no voiceprint: Ada" not in text
    assert "no voiceprint: notes" not in text
    *_, summary = objects(said("enroll", "--folder", root, "--json", code=2).split("voiceprint:")[0])
    assert (summary["summary"]["already_enrolled"], summary["summary"]["without_voiceprint"]) == (3, 3)
    said("enroll", "--folder", root, "--anyway", "--json", code=2)
    assert len(objects(said("speakers", "--json"))) == 3


WRONG = {
    "name and folder": ("enroll", "Ada", "--folder", "x"),
    "no file": ("enroll", "Ada"),
    "nothing": ("enroll",),
    "no folder": ("enroll", "--folder", "/nowhere"),
    "nobody": ("takes", "Zoe"),
    "nobody to merge": ("merge", "Ada", "Zoe"),
}


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_done_is_one_line(said: Said, name: str) -> None:
    told = [line for line in said(*WRONG[name], code=2).splitlines() if "the store in" not in line]
    assert len(told) == 1
    assert told[0].startswith("voiceprint: ")


def test_every_command_and_option_says_what_it_is_for() -> None:
    silent = []
    for action in build_parser()._subparsers._group_actions:  # type: ignore[union-attr]
        for name, parser in action.choices.items():  # type: ignore[union-attr]
            plain = (option for option in parser._actions if option.option_strings)
            silent += [(name, option.dest) for option in plain if not option.help]
    assert silent == []
