"""Importing torchaudio where its compiled part does not load.

torchaudio's wheels link against the CUDA libraries of one torch version; beside a CPU-only torch, or a torch of
another CUDA version, ``import torchaudio`` fails. voiceprint (through SpeechBrain) uses only its Python part, and a
stand-in for the compiled one is enough for that. Audio is never read or resampled through torchaudio.
"""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType

__all__ = ["import_torchaudio"]

_EXTENSION = "torchaudio._extension"


def import_torchaudio(importer: Callable[[str], ModuleType] = importlib.import_module) -> ModuleType:
    """torchaudio as it is; where that fails, torchaudio without its compiled part.

    Raises ImportError where it is not installed at all.
    """
    try:
        return importer("torchaudio")
    except ModuleNotFoundError:
        raise
    except (ImportError, OSError, RuntimeError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules[_EXTENSION] = _stand_in()
        return importer("torchaudio")


def _stand_in() -> ModuleType:
    module = ModuleType(_EXTENSION)
    vars(module).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        fail_if_no_align=lambda function: function,
        _check_cuda_version=lambda: None,
    )
    return module
