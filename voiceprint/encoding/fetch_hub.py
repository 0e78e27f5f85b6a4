"""Files of an encoder from the models' hub, at a pinned revision."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from voiceprint import __version__
from voiceprint.encoding.fetch_source import Progress
from voiceprint.errors import ModelError

__all__ = ["HUB", "HubSource"]

HUB = "https://huggingface.co"
# To connect, and between two pieces of a file: a hub that is cut off must not cost a minute.
TIMEOUT_SECONDS = 10.0
_PIECE_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository at ``revision``, and the size of each file in it."""

    repository: str
    revision: str
    sizes: Mapping[str, int]
    base_url: str = HUB

    def take(self, names: Collection[str], folder: Path, progress: Progress) -> None:
        """See ``Source``."""
        for name in names:
            self._get(name, folder / name, progress)

    def _get(self, name: str, path: Path, progress: Progress) -> None:
        url = f"{self.base_url}/{self.repository}/resolve/{self.revision}/{name}"
        seen, size = 0, self.sizes[name]
        with path.open("wb") as file:
            for piece in _pieces(url):
                seen += len(piece)
                if seen > size:
                    raise ModelError("fetch_failed", f"{url} is larger than the {size} bytes that were published")
                file.write(piece)
                progress(name, len(piece), size)
        if seen < size:
            raise ModelError("fetch_failed", f"{url} broke off after {seen} of {size} bytes")


def _pieces(url: str) -> Iterator[bytes]:
    """What comes from there; only the network's errors are told here, not those of the disk."""
    request = Request(url, headers={"User-Agent": f"voiceprint/{__version__}"})  # noqa: S310 - our own https address
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            while piece := response.read(_PIECE_BYTES):
                yield piece
    except HTTPError as error:
        error.close()
        raise ModelError("fetch_failed", f"{url} answers {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError("fetch_failed", f"{url} cannot be fetched ({reason})") from error
