"""A server of its own for a test: started, asked to stop, and looked at from outside."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["children", "cpu_seconds", "end", "memory_mib", "open_files", "start"]


def start(folder: Path, **settings: int) -> tuple["subprocess.Popen[str]", str]:
    """A server on the store in ``folder``, and its address; ``settings`` as the environment has them."""
    command = [sys.executable, "-m", "voiceprint", "serve", "--port", "0", "--data", str(folder / "index")]
    environ = {**os.environ, "VOICEPRINT_KEY_FILE": str(folder / "master.key")}
    environ |= {f"VOICEPRINT_{name.upper()}": str(value) for name, value in settings.items()}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ)
    try:
        for line in process.stdout or ():
            if line.startswith("ready on "):
                return process, line.removeprefix("ready on ").strip()
    except BaseException:
        process.kill()
        raise
    sys.exit("the server did not get ready")


def end(process: "subprocess.Popen[str]") -> int:
    """Ask it to stop; its exit code."""
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    return process.returncode


def memory_mib(pid: int) -> float:
    """Resident memory of a process, without its children; 0 for one that is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Child processes that are there now."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):
            found += map(int, (task / "children").read_text().split())
    return found


def open_files(pid: int) -> int:
    """Open descriptors of a process."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
