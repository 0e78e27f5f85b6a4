"""Folders that ship with the package, and the one in which an installation keeps what is its own."""

import sys
from pathlib import Path

__all__ = ["home", "shipped"]

_PACKAGE = Path(__file__).resolve().parent
# For a user without a home, as services are; their unit names its folders anyway.
_HOMELESS = Path("/var/lib/voiceprint")


def shipped(name: str) -> Path:
    """Path of the folder ``web`` or ``pretrained_models``, in a wheel or in a checkout."""
    installed = _PACKAGE / "_share" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def home() -> Path:
    """The folder of this installation's store and fetched encoders, the same wherever a command is run.

    The top of a checkout where the program runs from one (its package or its environment lies there), else the user's
    data folder.
    """
    for top in (_PACKAGE.parent, Path(sys.prefix).parent):
        if (top / "index" / "README.md").is_file() and (top / "voiceprint" / "resources.py").is_file():
            return top
    from platformdirs import user_data_path

    folder = user_data_path("voiceprint", appauthor=False)
    return folder if folder.is_absolute() else _HOMELESS
