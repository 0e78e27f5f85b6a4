"""Folders that ship with the package: the page and the bundled encoder."""

from pathlib import Path

__all__ = ["shipped"]

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Path of the folder ``web`` or ``pretrained_models``, in a wheel or in a checkout."""
    installed = _PACKAGE / "_share" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
