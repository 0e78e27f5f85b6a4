"""Where the files that ship with the package are: the page and the bundled encoder."""

from pathlib import Path

__all__ = ["shipped"]

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Folder ``name`` (``web`` or ``pretrained_models``): inside an installed wheel, or at the top of a checkout."""
    installed = _PACKAGE / "_share" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
