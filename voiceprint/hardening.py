"""What this process refuses the machine around it, from its start on."""

import ctypes
import resource
import sys

__all__ = ["allow_open_files", "keep_memory_private"]

_PR_SET_DUMPABLE = 4


def allow_open_files(wanted: int = 65_536) -> int:
    """How many files and connections this process may have open from now on; ``wanted``: no more than that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(soft, allowed)


def keep_memory_private() -> None:
    """No core dump of this process, and no look into its memory (``/proc/PID/mem``, ptrace) by others of the same user.

    Its memory holds the master key, names and audio. A handler that the kernel pipes core dumps to gets none either.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
