"""Exports on disk: one file an encoder, named by the encoder's fingerprint and by what is in the file.

So a file that was damaged, or that belongs to other weights, is never used. Everything here can be made again.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from voiceprint.files import replace_file

__all__ = ["ExportCache", "default_cache"]


def default_cache(environ: Mapping[str, str]) -> Path | None:
    """``$XDG_CACHE_HOME/voiceprint``, else ``~/.cache/voiceprint``; None for a user without a home."""
    chosen = Path(environ.get("XDG_CACHE_HOME", ""))
    try:
        return (chosen if chosen.is_absolute() else Path.home() / ".cache") / "voiceprint"
    except RuntimeError:
        return None


class ExportCache:
    """A folder of exports; it need not be there, nor be writable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, fingerprint: str) -> bytes | None:
        """The whole export of that encoder, if it is there."""
        for path in self._of(fingerprint):
            with suppress(OSError):
                content = path.read_bytes()
                if path.name == _name(fingerprint, content):
                    return content
        return None

    def milliseconds(self, fingerprint: str) -> float | None:
        """What 3 s of speech took that encoder on this machine, if it was measured."""
        with suppress(OSError, ValueError):
            return float(self._time(fingerprint).read_text(encoding="ascii"))
        return None

    def keep_milliseconds(self, fingerprint: str, value: float) -> None:
        """Raises OSError."""
        self._time(fingerprint).write_text(f"{value:.1f}\n", encoding="ascii")

    def keep(self, fingerprint: str, content: bytes) -> Path:
        """Put an export there in place of what was there for that encoder. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self._of(fingerprint)
        path = self.folder / _name(fingerprint, content)
        replace_file(path, content, mode=0o644)  # nothing secret: made at installation, read by any user
        for old in before:
            if old != path:
                old.unlink(missing_ok=True)
        return path

    def _time(self, fingerprint: str) -> Path:
        return self.folder / f"{fingerprint}.milliseconds"

    def _of(self, fingerprint: str) -> list[Path]:
        return sorted(self.folder.glob(f"{fingerprint}-*.onnx"))


def _name(fingerprint: str, content: bytes) -> str:
    return f"{fingerprint}-{hashlib.sha256(content).hexdigest()}.onnx"
