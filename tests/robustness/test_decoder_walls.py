"""What a recording could do that took over the decoder's child: each thing is tried from inside."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from voiceprint.audio import decoder_child, decoding
from voiceprint.audio.decoder_pool import Decoders

ROOT = Path(decoder_child.__file__).resolve().parents[2]
# Runs in place of decoding: ``decode`` is the first thing that a child does with what came.
INSIDE = r"""
import ctypes, errno, json, os, socket, sys
sys.path.insert(0, sys.argv.pop(1))
key, parent = sys.argv.pop(1).encode(), int(sys.argv.pop(1))
from voiceprint.audio import decoder_child, decoder_walls
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
CALLS = {  # system call numbers of x86_64 and aarch64, and arguments
    "read the key": ((257, 56), -100, key, 0),
    "write a file": ((257, 56), -100, key + b".new", 0o101, 0o600),
    "open the folder": ((257, 56), -100, b".", 0o200000),
    "read the memory of the server": ((257, 56), -100, b"/proc/%d/mem" % parent, 0),
    "remove a file": ((263, 35), -100, key, 0),
    "connect: a socket": ((41, 198), 2, 1, 0),
    "connect: a local socket": ((41, 198), 1, 1, 0),
    "a pipe": ((293, 59), (ctypes.c_int * 2)(), 0),
    "fork": ((56, 220), 17, 0, 0, 0, 0),
    "exec": ((59, 221), b"/bin/true", None, None),
    "ptrace": ((101, 117), 16, parent, 0, 0),
    "read the server by process_vm_readv": ((310, 270), parent, None, 0, None, 0, 0),
    "kill the server": ((62, 129), parent, 0),
    "memory to execute": ((9, 222), 0, 4096, 7, 34, -1, 0),
    "become somebody": ((105, 146), 65534),
    "a keyring": ((250, 219), 0, -3),
    "bpf": ((321, 280), 0, None, 0),
    "io_uring": ((425, 425), 1, None),
    "mount": ((165, 40), b"/", b"/mnt", b"", 4096, None),
    "unshare": ((272, 97), 0x10000000),
}
def decode(data, max_seconds):
    refused = {}
    for name, (numbers, *given) in CALLS.items():
        ctypes.set_errno(0)
        given = [ctypes.c_long(one) if isinstance(one, int) else one for one in given]
        got = libc.syscall(ctypes.c_long(numbers[number]), *given)
        if name == "fork" and got == 0:
            os._exit(9)
        refused[name] = got < 0 and errno.errorcode[ctypes.get_errno()]
    refused["descriptors"] = [one for one in range(64) if libc.fcntl(one, 1) >= 0] or "EPERM"
    sys.stdout.buffer.write(json.dumps(refused).encode())
    sys.stdout.buffer.flush()
    raise decoder_child.Refusal("tried", "everything")
decoder_child.decode = decode
decoder_child._answer("60", frozenset(sys.argv.pop(1).split()))
"""


def inside(walls: str, key: Path, parent: int, *, changes: str = "") -> bytes:
    """What the child says that tries everything. ``changes``: Python that runs before."""
    script = INSIDE.replace("decoder_child.decode =", f"{changes}\ndecoder_child.decode =")
    command = [sys.executable, "-I", "-c", script, str(ROOT), str(key), str(parent), walls]
    done = subprocess.run(command, input=b"x", capture_output=True, check=True, timeout=60)
    return done.stdout


@pytest.fixture
def walls() -> Iterator[frozenset[str]]:
    """Those that stand on this machine."""
    decoders = Decoders()
    yield decoders.walls()
    decoders.close()


def test_from_inside_nothing_can_be_reached(tmp_path: Path, walls: frozenset[str]) -> None:
    if "seccomp" not in walls:
        pytest.skip("this system has no libseccomp")
    key = tmp_path / "master.key"
    key.write_text("secret")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent:
        told = json.loads(inside(" ".join(walls), key, parent.pid))
        assert parent.poll() is None
        parent.communicate(b"\n")
    assert len(told) > 20
    assert {name: said for name, said in told.items() if said != "EPERM"} == {}
    assert key.read_text() == "secret"
    assert not key.with_name("master.key.new").exists()


def test_without_seccomp_landlock_and_the_limits_still_keep_files_sockets_and_programs_away(
    tmp_path: Path, walls: frozenset[str]
) -> None:
    if "landlock" not in walls:
        pytest.skip("this kernel has no Landlock")
    key = tmp_path / "master.key"
    key.write_text("secret")
    few = ("read the key", "write a file", "open the folder", "remove a file", "connect: a socket", "a pipe", "exec")
    told = json.loads(inside("landlock", key, 1, changes=f"{_WITHOUT_SECCOMP}; CALLS = {{k: CALLS[k] for k in {few}}}"))
    assert told.pop("descriptors") == [0, 1, 2]
    assert set(told.values()) <= {"EACCES", "EMFILE", "EPERM"}
    assert told["exec"] == told["remove a file"] == "EACCES"
    assert key.read_text() == "secret"


_WITHOUT_SECCOMP = "decoder_walls.pyseccomp = None"


def test_where_a_wall_does_not_stand_nothing_is_decoded() -> None:
    assert inside("landlock seccomp", Path("/nowhere"), 1, changes=_WITHOUT_SECCOMP) == b""


def test_the_server_can_say_which_walls_stand() -> None:
    assert decoding.decoder_walls() <= {"seccomp", "landlock"}
