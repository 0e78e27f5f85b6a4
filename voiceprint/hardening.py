"""What this process refuses the machine around it, from its start on."""

import ctypes
import resource
import sys

__all__ = ["keep_memory_private"]

_PR_SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """No core dump of this process, and no look into its memory (``/proc/PID/mem``, ptrace) by others of the same user.

    Its memory holds the master key, names and audio. A handler that the kernel pipes core dumps to gets none either.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
