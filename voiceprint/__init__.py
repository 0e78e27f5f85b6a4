"""voiceprint: a self-hosted service that tells who is speaking.

Importing the package is cheap on purpose: nothing heavy (torch, speechbrain, faiss) is imported before it is needed.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("voiceprint")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
