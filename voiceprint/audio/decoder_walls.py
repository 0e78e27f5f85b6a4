"""Walls around a process that decodes what a stranger sent: after them it can compute, read and write what is open.

seccomp (libseccomp by pyseccomp) allows only the calls that decoding needs: no file, socket, process, tracing, and no
new executable memory. Landlock (Linux 5.13; network from 6.7, signals from 6.12) forbids the file system, TCP and
signals once more in the kernel, and stands alone where libseccomp is missing. Imports nothing of voiceprint.
"""

import ctypes
import os
import resource
import secrets
import sys
from pathlib import Path

try:  # while files can still be opened
    import pyseccomp
except (ImportError, OSError, RuntimeError):  # no libseccomp here
    pyseccomp = None

__all__ = ["enter_empty_folder", "raise_walls", "standing_walls"]

CALLS = (
    "brk", "clock_gettime", "clock_nanosleep", "close", "exit", "exit_group", "fstat", "futex", "getpid", "getrandom",
    "gettid", "lseek", "madvise", "mremap", "munmap", "nanosleep", "read", "readv", "restart_syscall", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield", "sigaltstack", "write", "writev",
)  # fmt: skip
# Memory, unless it is to be executed: the third argument is the protection.
MAPPING_CALLS, PROT_EXEC = ("mmap", "mprotect"), 4
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT, _ASK_VERSION = 444, 446, 1
# What each version of Landlock can forbid, as bits: of files, of TCP, of signals and abstract sockets.
_FILES = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_NETWORK_FROM, _NETWORK, _SCOPES_FROM, _SCOPES = 4, 0b11, 6, 0b11


class _Ruleset(ctypes.Structure):
    """``struct landlock_ruleset_attr``."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def raise_walls() -> frozenset[str]:
    """The walls that stand around this process from now on: ``seccomp``, ``landlock``, or none. There is no way back.

    No new descriptor can be opened and no process be made; what is open stays open.
    """
    if sys.platform != "linux":
        return frozenset()
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_DUMPABLE, 0), (_PR_SET_NO_NEW_PRIVS, 1)):
        libc.prctl(option, value, 0, 0, 0)
    landlock = _landlock(libc)
    for name in (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE):
        resource.setrlimit(name, (0, 0))
    seccomp = _seccomp()
    return frozenset(name for name, stands in (("landlock", landlock), ("seccomp", seccomp)) if stands)


def standing_walls() -> frozenset[str]:
    """What ``raise_walls`` can raise here, tried in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, " ".join(sorted(raise_walls())).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        found = said.read().decode()
    os.waitpid(child, 0)
    return frozenset(found.split())


def enter_empty_folder() -> None:
    """From now on the working folder is one that holds nothing and in which nothing can be made: it was deleted."""
    # tempfile would try out first whether it can write a file there.
    folder = Path(os.environ.get("TMPDIR", "/tmp"), f"voiceprint-{secrets.token_hex(8)}")  # noqa: S108 - ours alone
    folder.mkdir(mode=0o700)
    os.chdir(folder)
    folder.rmdir()


def _seccomp() -> bool:
    if pyseccomp is None:
        return False
    try:
        allowed = pyseccomp.SyscallFilter(pyseccomp.ERRNO(1))  # EPERM
        for name in CALLS:
            allowed.add_rule(pyseccomp.ALLOW, name)
        for name in MAPPING_CALLS:
            allowed.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, PROT_EXEC, 0))
        allowed.load()
    except (OSError, RuntimeError, ValueError):
        return False
    return True


def _landlock(libc: ctypes.CDLL) -> bool:
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)
    if version < 1:
        return False
    wanted = _Ruleset(
        _FILES[min(version, max(_FILES))],
        _NETWORK if version >= _NETWORK_FROM else 0,
        _SCOPES if version >= _SCOPES_FROM else 0,
    )
    size = 8 if version < _NETWORK_FROM else 16 if version < _SCOPES_FROM else 24
    rules = libc.syscall(_LANDLOCK_CREATE, ctypes.byref(wanted), ctypes.c_size_t(size), 0)
    if rules < 0:
        return False
    stands = bool(libc.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0)
    os.close(rules)
    return stands
