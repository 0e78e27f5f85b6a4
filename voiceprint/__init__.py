"""voiceprint: a self-hosted service that tells who is speaking.

Importing the package is cheap on purpose: nothing heavy (torch, speechbrain, faiss) is imported before it is needed.
"""

import os
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("voiceprint")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

# The wheels of onnxruntime (seen with 1.32) make a device id and a queue of events for their maker in the home folder,
# unless this is set before the library is loaded; switching it off afterwards is too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = ["__version__"]
