"""Durable files: a file appears under its name complete and on disk, or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["create_file", "draft_beside", "drafts_beside", "replace_file", "sync_folder"]


def create_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a new file. Raises FileExistsError where the name is taken, OSError."""
    with draft_beside(path, mode=mode) as draft:
        _fill(draft, data)
        path.hardlink_to(draft)  # unlike a rename it never replaces a file
    sync_folder(path.parent)


def replace_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file in place of an older one, which stays after an error. Raises OSError."""
    with draft_beside(path, mode=mode) as draft:
        _fill(draft, data)
        draft.replace(path)
    sync_folder(path.parent)


@contextmanager
def draft_beside(path: Path, *, mode: int = 0o600) -> Iterator[Path]:
    """Path of an empty file of a random name beside ``path``; removed unless it was renamed."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, mode)  # whatever the umask
    finally:
        os.close(descriptor)
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def drafts_beside(path: Path) -> list[Path]:
    """Drafts of ``path`` that are in the making, or that a killed process left."""
    return list(path.parent.glob(f".{path.name}.*.new"))


def sync_folder(folder: Path) -> None:
    """Make the names that were just given or removed in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(draft: Path, data: bytes) -> None:
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
