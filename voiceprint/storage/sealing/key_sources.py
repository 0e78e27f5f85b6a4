"""Sources of the master key: a file, a systemd credential, an environment variable, a command that prints it.

``--key``, else ``VOICEPRINT_KEY``, says which::

    file:PATH          a file of ours, which a rotation writes
    credential:NAME    $CREDENTIALS_DIRECTORY/NAME, as systemd brings it
    env:NAME           an environment variable, taken out of the environment when it is read
    command:WORDS      what a command prints, run without a shell

Where neither is given: the path in ``VOICEPRINT_KEY_FILE``, the credential ``voiceprint.key``, the container secret
``/run/secrets/voiceprint_key``, ``$XDG_CONFIG_HOME/voiceprint/master.key`` (``~/.config`` where that is not set).
"""

import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from voiceprint.errors import ConfigError, KeyFileError
from voiceprint.storage.sealing.key_file import KeyFile
from voiceprint.storage.sealing.master_keys import MAX_BYTES, KeySource, MasterKeys

__all__ = ["default_key_file", "find_key_source"]

KEY_FILE_VARIABLE = "VOICEPRINT_KEY_FILE"
CONTAINER_SECRET = Path("/run/secrets/voiceprint_key")
COMMAND_SECONDS = 20.0


class Brought:
    """Master keys that a function reads, and nothing of ours can write."""

    path: Path | None = None

    def __init__(self, kind: str, where: str, read: Callable[[str], bytes]) -> None:
        """``read``: takes ``where``."""
        self.where = where
        self.name = f"the {kind} {where}"
        self._read = read

    def load(self, *, data: Path | None) -> MasterKeys:  # noqa: ARG002 - as the protocol says
        return MasterKeys.parse(self._read(self.where), self)


class Joined:
    """A new source and the one that it follows, while the stores are rotated."""

    path: Path | None = None

    def __init__(self, new: KeySource, old: KeySource) -> None:
        self._sources = (new, old)
        self.where = f"{new.where}, {old.where}"
        self.name = f"{new.name} and {old.name}"

    def load(self, *, data: Path | None) -> MasterKeys:
        keys = [key for source in self._sources for key in source.load(data=data).keys]
        return MasterKeys(tuple(dict.fromkeys(keys)), self)


def find_key_source(
    key: str | None = None,
    old_key: str | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    secret: Path | None = None,
) -> KeySource:
    """The source that is named, else the first of the usual ones that exists, else the file of the user.

    ``old_key``: the source that ``key`` follows. Raises ConfigError.
    """
    environ = os.environ if environ is None else environ
    source = _named(key, environ) if key else _usual(environ, secret or CONTAINER_SECRET)
    return Joined(source, _named(old_key, environ)) if old_key else source


def default_key_file(environ: Mapping[str, str]) -> Path:
    """The key file of this user."""
    config = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".config")
    return Path(config) / "voiceprint" / "master.key"


def _usual(environ: Mapping[str, str], secret: Path) -> KeySource:
    if named := environ.get(KEY_FILE_VARIABLE):
        return KeyFile(Path(named))
    credential = Path(environ.get("CREDENTIALS_DIRECTORY") or "/nowhere", "voiceprint.key")
    if credential.exists():
        return KeyFile(credential, writable=False)
    return KeyFile(secret if secret.exists() else default_key_file(environ))


def _named(given: str, environ: Mapping[str, str]) -> KeySource:
    kind, _, where = given.partition(":")
    if kind == "file" and where:
        return KeyFile(Path(where).expanduser())
    if kind == "credential" and where and where == Path(where).name:
        # A copy in memory: what is written there is gone with the service.
        return KeyFile(Path(environ.get("CREDENTIALS_DIRECTORY") or "/nowhere", where), writable=False)
    if kind == "env" and where:
        return Brought("environment variable", where, _variable)
    with suppress(ValueError):
        if kind == "command" and (words := shlex.split(where)):
            return Brought("command", words[0], lambda _: _printed(words))
    raise ConfigError(
        "bad_setting",
        "key takes file:PATH, credential:NAME, env:NAME or command:WORDS: where the key is, and never the key itself.",
    )


@cache
def _variable(name: str) -> bytes:
    """The value of a variable, which is gone from the environment afterwards: no child process sees it."""
    value = os.environb.pop(os.fsencode(name), None)
    if value is None:
        raise KeyFileError("key_missing", f"There is no environment variable {name}.")
    return value


def _printed(words: Sequence[str]) -> bytes:
    """What a command prints. What it says on stderr goes nowhere: there may be a key in it."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command, without a shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name cannot be used"
        raise KeyFileError("key_unreadable", f"The command {words[0]} cannot be run: {why}.") from error
    with process:
        try:
            text = _read_within(process, time.monotonic() + COMMAND_SECONDS)
            code = process.wait(COMMAND_SECONDS)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise KeyFileError(
                "key_unreadable", f"The command {words[0]} printed no key within {COMMAND_SECONDS:g} seconds."
            ) from error
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if code and len(text) <= MAX_BYTES:
        raise KeyFileError("key_unreadable", f"The command {words[0]} printed no key: it ended with {code}.")
    return text


def _read_within(process: "subprocess.Popen[bytes]", until: float) -> bytes:
    """What is printed up to a time, and at most a byte more than a key may have. Raises TimeoutError."""
    assert process.stdout is not None  # a pipe
    text, waiting = b"", select.poll()
    waiting.register(process.stdout, select.POLLIN)
    while len(text) <= MAX_BYTES:
        if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
            raise TimeoutError
        piece = os.read(process.stdout.fileno(), MAX_BYTES + 1 - len(text))
        if not piece:
            return text
        text += piece
    os.killpg(process.pid, signal.SIGKILL)  # it would print for ever
    return text
