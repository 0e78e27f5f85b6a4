"""The command line as a person meets it: real processes, real files, exit codes, one line for every refusal."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.paths import SCRIPTS

from voiceprint.cli import build_parser

Run = Callable[..., "subprocess.CompletedProcess[str]"]
# What else is said on stderr: which store is read, that a key was made, that the encoder is exported.
SAID_TOO = re.compile(r"^voiceprint: the store in |^A new key was made|\b[123] of 3: ")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run ``voiceprint`` (or a script) in a folder of its own, with a store and a key of its own."""

    def call(*arguments: object, script: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
        program = [str(SCRIPTS / script)] if script else ["-m", "voiceprint"]
        return subprocess.run(
            [sys.executable, *program, *map(str, arguments)],
            cwd=tmp_path,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("VOICEPRINT_")},
                "VOICEPRINT_DATA": str(tmp_path / "index"),
                "VOICEPRINT_MODELS": str(tmp_path / "models"),
                "VOICEPRINT_KEY_FILE": str(tmp_path / "master.key"),
                "HOME": str(tmp_path / "home"),
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.fixture
def speakers(speech_dev: Path) -> list[list[Path]]:
    folders = sorted((speech_dev / "librispeech").iterdir())[:3]
    return [sorted(folder.iterdir()) for folder in folders]


def lines(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_from_enrollment_to_forgetting(run: Run, speakers: list[list[Path]]) -> None:
    ada, ben, stranger = speakers
    first = run("enroll", "Ada", *ada[:2], "--json")
    assert (first.returncode, lines(first)[0]["enrollments"]) == (0, 2)
    assert "new key was made" in first.stderr
    second = run("enroll", "Ben", *ben[:2])
    assert (second.returncode, second.stderr) == (0, "")

    heard = lines(run("identify", ada[3], ben[3], stranger[0], "--json"))
    assert [(entry["status"], (entry["speaker"] or {}).get("name")) for entry in heard] == [
        ("identified", "Ada"),
        ("identified", "Ben"),
        ("unknown", None),
    ]
    assert [entry["file"] for entry in heard] == [str(ada[3]), str(ben[3]), str(stranger[0])]
    assert lines(run("verify", "ada", ada[4], "--json"))[0]["status"] == "accepted"
    assert lines(run("verify", "Ada", stranger[1], "--json"))[0]["status"] == "rejected"

    listed = lines(run("speakers", "--json"))
    assert [(entry["name"], entry["enrollments"]) for entry in listed] == [("Ada", 2), ("Ben", 2)]
    assert run("forget", listed[0]["id"], "--receipt", "receipt.json").returncode == 0
    assert run("verify-receipt", "receipt.json").returncode == 0
    assert [entry["name"] for entry in lines(run("speakers", "--json"))] == ["Ben"]
    assert lines(run("identify", ada[3], "--json"))[0]["status"] == "unknown"


def test_bad_files_are_named_and_the_good_ones_answered(run: Run, speakers: list[list[Path]], tmp_path: Path) -> None:
    run("token", "add", "kitchen")  # makes a store
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"<html>")
    done = run("identify", bad, speakers[0][0], tmp_path / "gone.wav", "--json")
    assert done.returncode == 2
    first, answered, last = lines(done)
    assert (first["file"], first["error"]["code"]) == (str(bad), "not_audio")
    assert answered["status"] == "unknown"
    assert last["error"]["code"] == "audio_unreadable"
    complaints = [line for line in done.stderr.splitlines() if not SAID_TOO.search(line)]
    assert len([line for line in complaints if line.startswith("voiceprint: ")]) == 2
    assert "Traceback" not in done.stderr


def refusals(tmp_path: Path, clip: Path) -> dict[str, tuple[list[object], dict[str, str], int, str]]:
    open_key = tmp_path / "open.key"
    open_key.write_text("x")
    open_key.chmod(0o644)
    garbage = tmp_path / "garbage"
    garbage.mkdir()
    (garbage / "voiceprint.db").write_bytes(b"no database " * 100)
    own = {"VOICEPRINT_KEY_FILE": str(tmp_path / "own.key"), "VOICEPRINT_DATA": str(tmp_path / "own")}
    return {
        "unknown setting": (["speakers"], {"VOICEPRINT_PROT": "1"}, 3, "VOICEPRINT_PROT"),
        "port out of range": (["serve", "--port", 70000], {}, 3, "70000"),
        "open to the network": (["serve", "--host", "0.0.0.0", "--port", 0], {}, 3, "--behind-proxy"),
        "key readable by others": (["speakers"], {"VOICEPRINT_KEY_FILE": str(open_key)}, 3, "0644"),
        "key inside the data": (["speakers"], {"VOICEPRINT_KEY_FILE": str(tmp_path / "index" / "k")}, 3, "inside"),
        "no key for existing data": (["speakers"], own | {"VOICEPRINT_DATA": str(garbage)}, 3, "no key file"),
        "no store to read": (["identify", clip], own, 4, f"There is no store in {tmp_path / 'own'}"),
        "unknown encoder": (["speakers", "--encoder", "nobody"], {}, 3, "nobody"),
        "encoder not fetched": (["speakers", "--encoder", "spkrec-ecapa-voxceleb"], {}, 3, "models fetch"),
        "nobody of that name": (["verify", "Zoe", clip], {}, 2, "Zoe"),
        "nobody to forget": (["forget", "Zoe"], {}, 2, "Zoe"),
        "a name that is none": (["enroll", "  ", clip], own, 2, "name is empty"),
        "top-k out of range": (["identify", "--top-k", 0, clip], {}, 2, "--top-k"),
        "nothing to fetch": (["models", "fetch", "nobody"], {}, 3, "nobody"),
        "no file to fetch from": (["models", "fetch", "--from-file", "gone.whl"], {}, 3, "gone.whl"),
    }


def test_every_refusal_is_one_line_with_its_exit_code(run: Run, speakers: list[list[Path]], tmp_path: Path) -> None:
    wrong = []
    run("token", "add", "kitchen")  # makes a store
    for what, (arguments, environ, code, said) in refusals(tmp_path, speakers[0][0]).items():
        done = run(*arguments, **environ)
        complaint = [line for line in done.stderr.splitlines() if not SAID_TOO.search(line)]
        if done.returncode != code or len(complaint) != 1 or said not in complaint[0] or done.stdout:
            wrong.append((what, done.returncode, done.stdout, done.stderr))
    assert wrong == []


def test_a_store_that_is_none_is_left_alone(run: Run, tmp_path: Path) -> None:
    run("token", "add", "kitchen")  # makes store and key
    database = tmp_path / "index" / "voiceprint.db"
    database.write_bytes(b"no database " * 100)
    done = run("speakers")
    assert (done.returncode, len(done.stderr.splitlines())) == (4, 2)
    assert database.read_bytes() == b"no database " * 100


def test_enroll_dir_goes_on_where_it_stopped(
    run: Run, speech_dev: Path, speakers: list[list[Path]], tmp_path: Path
) -> None:
    root = tmp_path / "people"
    for clips, name in zip(speakers, ("Ada", "Ben", "Cleo"), strict=True):
        (root / name).mkdir(parents=True)
        for clip in clips[:2]:
            (root / name / clip.name).write_bytes(clip.read_bytes())
    (root / "Ben" / "broken.wav").write_bytes(b"RIFF nothing")
    (root / "Dan").mkdir()

    dry = run(root, "--dry-run", "--json", script="enroll_dir.py")
    assert lines(dry)[-1]["summary"]["recordings"] == 7
    assert not (tmp_path / "index").exists()
    first = run(root, "--json", script="enroll_dir.py")
    assert first.returncode == 2
    assert lines(first)[-1]["summary"] | {"speech_seconds": 0} == {
        "speakers": 3,
        "recordings": 6,
        "speech_seconds": 0,
        "already_enrolled": 0,
        "skipped": 2,
        "without_voiceprint": 1,
    }
    assert [line["no_voiceprint"] for line in lines(first) if "no_voiceprint" in line] == ["Dan"]
    assert "broken.wav" in first.stderr
    second = run(root, "--json", script="enroll_dir.py")
    assert lines(second)[-1]["summary"]["recordings"] == 0
    assert lines(second)[-1]["summary"]["already_enrolled"] == 6
    (root / "Ben" / "broken.wav").unlink()
    (root / "Dan").rmdir()
    third = run(root, script="enroll_dir.py")
    assert third.returncode == 0
    assert "nothing new to enroll" in third.stdout


def test_help_answers_at_once_and_imports_nothing_heavy() -> None:
    script = (
        "import sys; from voiceprint.cli import build_parser; build_parser().format_help();"
        "print([name for name in ('torch', 'speechbrain', 'faiss', 'av', 'numpy', 'aiohttp') if name in sys.modules])"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert time.monotonic() - began < 5


def test_every_command_says_what_it_does() -> None:
    text = build_parser().format_help()
    for command in ("serve", "enroll", "identify", "verify", "speakers", "forget", "models"):
        assert command in text
