"""voiceprint: a self-hosted service that tells who is speaking.

Importing the package is cheap on purpose: nothing heavy (torch, speechbrain, faiss) is imported before it is needed.
"""

import os

# The wheels of onnxruntime (seen with 1.32) make a device id and a queue of events for their maker in the home folder,
# unless this is set before the library is loaded; switching it off afterwards is too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """``__version__``, looked up when asked for: reading it takes longer than all else that ``--help`` does."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("voiceprint")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"
