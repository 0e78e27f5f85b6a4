"""The command line beside its commands: help, completion, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.recordings import wav
from support.toys import tone

from voiceprint.cli import build_parser, main
from voiceprint.config import Settings


def test_help_of_serve_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out

    def is_said(name: str) -> bool:
        return f"VOICEPRINT_{name.upper()}" in text or f"--{name.replace('_', '-')}" in text

    assert [name for name in Settings.__struct_fields__ if not is_said(name)] == []
    assert [
        line for line in text.splitlines() if line.startswith("  VOICEPRINT_") and "  (" in line
    ] == []  # each says what it is


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_shell_can_complete_the_commands(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("identify", "speakers", "sort", "undo"):
        assert word in script


def test_bash_takes_the_completion(capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    done = subprocess.run(["bash", "-n"], input=capsys.readouterr().out, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_is_in_the_help() -> None:
    text = build_parser().format_help()
    for command in ("takes", "merge", "undo", "rename", "group", "consent", "timeline", "completion"):
        assert f"    {command}" in text


def test_ctrl_c_ends_an_evaluation_at_once(tmp_path: Path) -> None:
    """A terminal sends it to the whole group, the decoder included."""
    clip = wav(tone(200, 20.0))
    for speaker in range(40):
        folder = tmp_path / "people" / f"{speaker}"
        folder.mkdir(parents=True)
        for number in range(12):
            (folder / f"{number}.wav").write_bytes(clip)
    process = subprocess.Popen(
        [sys.executable, "-m", "voiceprint", "evaluate", str(tmp_path / "people"), "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A shell lets what it runs in the background ignore it, these tests included.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        _wait_for_decoder(process.pid)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 130, said
    assert b"Traceback" not in said
    assert time.monotonic() - began < 15


def _wait_for_decoder(pid: int) -> None:
    """Until it has a child, and a second more, so that it decodes."""
    deadline = time.monotonic() + 120
    children = Path(f"/proc/{pid}/task/{pid}/children")
    while not children.read_text().split():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1.0)
