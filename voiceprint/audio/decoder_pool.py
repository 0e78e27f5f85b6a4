"""The parent's side of the decoder: one process that loads FFmpeg once, and a child of it for each recording."""

import atexit
import os
import signal
import socket
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from threading import Lock
from types import TracebackType
from typing import Self

__all__ = ["Child", "Decoders"]

_DECODER = Path(__file__).with_name("decoder_child.py")
# Loading FFmpeg takes a fraction of a second, on a machine that does other things as well somewhat more.
PATIENCE_SECONDS = 30.0


class Child:
    """A decoder at work. ``stdin, stdout, stderr``: our ends of its pipes. Use as a context manager."""

    def __init__(self, stdin: int, stdout: int, stderr: int, process: tuple[int, int] | None) -> None:
        """``process``: its id and a descriptor of it, None when it has ended already."""
        self.stdin = os.fdopen(stdin, "wb")
        self.stdout = os.fdopen(stdout, "rb")
        self.stderr = os.fdopen(stderr, "rb")
        self._process = None if process is None else process[0]
        self._handle = None if process is None else process[1]
        self._cpu_seconds = 0.0
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        with self._lock:
            if self._handle is not None:
                os.close(self._handle)
                self._process = self._handle = None
        for pipe in (self.stdin, self.stdout, self.stderr):
            with suppress(OSError):  # what it did not want to hear any more
                pipe.close()

    @property
    def cpu_seconds(self) -> float:
        """Time that it worked so far; once it has ended, as far as that was asked for before."""
        with self._lock, suppress(OSError):
            if self._process is not None:
                # The clock of another process, as clock_getcpuclockid(3) makes it.
                self._cpu_seconds = time.clock_gettime(~self._process << 3 | 2)
        return self._cpu_seconds

    def kill(self) -> None:
        """End it, if it still runs."""
        with self._lock, suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)


class Decoders:
    """Starts children. Safe to use from several threads; in a forked process it begins anew."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._first: Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = 0
        self._walls: frozenset[str] = frozenset()
        atexit.register(self.close)

    def start(self, max_seconds: float, *, size: int | None = None) -> Child:
        """A child for one recording. ``size``: of its file, for one that is decoded piece by piece.

        Raises OSError where none can be started.
        """
        asked = repr(max_seconds) if size is None else f"{max_seconds!r} {size}"
        with ExitStack() as theirs, ExitStack() as mine:
            pipes = [_pipe(theirs, mine, writes=writes) for writes in (True, False, False)]
            process = self._ask(asked, [its for its, _ in pipes])
            mine.pop_all()
            stdin, stdout, stderr = (ours for _, ours in pipes)
            return Child(stdin, stdout, stderr, process)

    def walls(self) -> frozenset[str]:
        """What closes the children in: ``seccomp``, ``landlock``, or nothing. Raises OSError."""
        with self._lock:
            self._begun()
            return self._walls

    def close(self) -> None:
        """End the first process; children end with their recordings."""
        with self._lock:
            self._end()

    # Inside

    def _ask(self, asked: str, descriptors: list[int]) -> tuple[int, int] | None:
        with self._lock:
            try:
                return self._fork(asked, descriptors)
            except OSError:  # it was killed, for its memory perhaps
                self._end()
                return self._fork(asked, descriptors)

    def _fork(self, asked: str, descriptors: list[int]) -> tuple[int, int] | None:
        control = self._begun()
        socket.send_fds(control, [asked.encode()], descriptors)
        said, handles, _, _ = socket.recv_fds(control, 16, 1)
        if not said:
            raise ConnectionResetError("the decoder is gone")
        return (int(said), handles[0]) if handles else None

    def _begun(self) -> socket.socket:
        if self._control is not None and self._owner == os.getpid():
            return self._control
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(PATIENCE_SECONDS)
        # -I: nothing of the environment or the working folder is imported. The environment stays behind as well.
        command = [sys.executable, "-I", str(_DECODER)]
        with its:
            try:
                self._first = Popen(  # noqa: S603 - our own
                    command,
                    stdin=its.fileno(),
                    stdout=DEVNULL,
                    stderr=DEVNULL,
                    env={"LANG": "C.UTF-8"},
                    process_group=0,  # Ctrl-C is for us alone: we end the decoder
                )
            except OSError:
                ours.close()
                raise
        self._control, self._owner = ours, os.getpid()
        word, *walls = ours.recv(256).decode().split() or [""]
        if word != "walls":
            raise ConnectionResetError("the decoder is gone")
        self._walls = frozenset(walls)
        return ours

    def _end(self) -> None:
        first, control, owner = self._first, self._control, self._owner
        self._first = self._control = None
        if control is not None:
            control.close()
        if first is not None and owner == os.getpid():
            try:
                first.wait(timeout=1.0)
            except TimeoutExpired:
                first.kill()
                first.wait()


def _pipe(theirs: ExitStack, mine: ExitStack, *, writes: bool) -> tuple[int, int]:
    """Its end and ours, each to be closed by its stack. ``writes``: whether we do."""
    reading, writing = os.pipe()
    its, ours = (reading, writing) if writes else (writing, reading)
    theirs.callback(os.close, its)
    mine.callback(os.close, ours)
    return its, ours
