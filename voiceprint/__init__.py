"""voiceprint: a self-hosted service that tells who is speaking.

::

    import voiceprint

    with voiceprint.open("index") as voices:
        answer = voices.identify("unknown.wav")

Importing the package is cheap on purpose: nothing heavy (torch, speechbrain, faiss) is imported before it is needed.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from voiceprint.library import Voiceprint

# The wheels of onnxruntime (seen with 1.32) make a device id and a queue of events for their maker in the home folder,
# unless this is set before the library is loaded; switching it off afterwards is too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = ["__version__", "open"]


def open(data: "str | Path" = "index", **settings: Any) -> "Voiceprint":  # noqa: ANN401 - of each setting
    """The store in a folder, made where there is none, and everything that can be asked of it.

    ``settings``: as of ``voiceprint serve``, such as ``models``, ``encoder``, ``target_fpir``; the environment counts
    too. Raises VoiceprintError: SetupError, StoreError.
    """
    from voiceprint.library import open_voiceprint

    return open_voiceprint(data, **settings)


def __getattr__(name: str) -> str:
    """``__version__``, looked up when asked for: reading it takes longer than all else that ``--help`` does."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("voiceprint")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"
