"""The real server as a child process, for tests that look at it from outside."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

__all__ = ["Server", "make_token", "serving"]

READY_SECONDS = 120.0
STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that said ``ready``. ``url`` has no slash at its end; ``log`` is its stderr."""

    url: str
    process: "subprocess.Popen[str]"
    log: Path

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


@contextmanager
def serving(
    folder: Path, *, port: int = 0, options: tuple[str, ...] = (), environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start ``voiceprint serve`` with its data, key and log in ``folder``; stop it in order at the end.

    Entering again with the same folder is a restart: the same store and the same key. ``port`` 0 takes a free one.
    Raises AssertionError where the server does not get ready, or does not end well; its log is in the message.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("a") as stderr:
        command = [sys.executable, "-m", "voiceprint", "serve", "--data", str(folder / "index"), "--port", str(port)]
        process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "VOICEPRINT_KEY_FILE": str(folder / "master.key"), **(environ or {})},
        )
    try:
        yield Server(_ready(process, log), process, log)
    finally:
        code = _stop(process)
    assert code == 0, f"The server ended with {code}:\n{log.read_text()}"


def make_token(folder: Path, name: str, scope: str) -> str:
    """A token for the store of a server that ran in this folder. ``VOICEPRINT_KEY_FILE`` must name its key."""
    command = [sys.executable, "-m", "voiceprint", "token", "add", name, "--scope", scope]
    done = subprocess.run([*command, "--data", str(folder / "index")], capture_output=True, text=True, check=True)
    return next(word for word in done.stdout.split() if word.startswith("vp_"))


def _ready(process: "subprocess.Popen[str]", log: Path) -> str:
    """The address of the ready line, read by a thread so that a silent server cannot hold us for ever."""
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True).start()
    try:
        while line := lines.get(timeout=READY_SECONDS):
            if line.startswith("ready on "):
                return line.removeprefix("ready on ").strip()
    except queue.Empty:
        pass
    raise AssertionError(f"The server did not get ready:\n{log.read_text()}")


def _read_lines(stdout: IO[str], lines: "queue.Queue[str]") -> None:
    with stdout:
        for line in stdout:
            lines.put(line)
    lines.put("")


def _stop(process: "subprocess.Popen[str]") -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(STOP_SECONDS)
