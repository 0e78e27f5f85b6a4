"""The master key file: search order, checks, creation, replacement.

One Fernet key a line, newest first; blank lines and lines that begin with ``#`` do not count. Search order:

1. the path given, or ``VOICEPRINT_KEY_FILE``
2. ``$CREDENTIALS_DIRECTORY/voiceprint.key``      a systemd credential
3. ``/run/secrets/voiceprint_key``                a container secret
4. ``$XDG_CONFIG_HOME/voiceprint/master.key``     (``~/.config`` where that is not set)

A key is created only for a new store; where there is data and no key, the start is refused. The file must be 0600; one
that root owns may be 0440 or 0640, as service managers mount secrets. Windows line ends are accepted.

Lines ``# store ID TAG`` list the stores that use the file, with the key that seals each: a rotation of one store must
not drop a key that another still needs. They are kept where the file can be written.
"""

import base64
import binascii
import fcntl
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from cryptography.fernet import Fernet

from voiceprint.errors import KeyFileError
from voiceprint.files import create_file, drafts_beside, replace_file

__all__ = [
    "KEY_FILE_VARIABLE",
    "MasterKeys",
    "claim_key_file",
    "create_key_file",
    "find_key_file",
    "hold_key_file",
    "load_key_file",
    "replace_key_file",
]

KEY_FILE_VARIABLE = "VOICEPRINT_KEY_FILE"
CONTAINER_SECRET = Path("/run/secrets/voiceprint_key")
MAX_BYTES = 64 * 1024
_STORE_LINE = re.compile(rb"^# store ([0-9a-f]{32}) ([0-9a-z]+)\s*$", re.MULTILINE)


class MasterKeys:
    """Fernet keys (url-safe base64, 44 bytes), newest first. Its repr shows none of them.

    ``stores``: tag of the sealing key by store id.
    """

    __slots__ = ("keys", "path", "stores")

    def __init__(self, keys: tuple[bytes, ...], path: Path, stores: Mapping[str, str] | None = None) -> None:
        self.keys = keys
        self.path = path
        self.stores = dict(stores or {})

    def __repr__(self) -> str:
        return f"MasterKeys({len(self.keys)} keys from {self.path})"

    @property
    def tag(self) -> str:
        """A name of the newest key that reveals nothing of it."""
        return sha256(b"voiceprint key tag " + self.keys[0]).hexdigest()[:8]


def find_key_file(environ: Mapping[str, str] | None = None, *, secret: Path | None = None) -> Path:
    """The first path of the search order that is named or exists, or else the last one."""
    environ = os.environ if environ is None else environ
    if named := environ.get(KEY_FILE_VARIABLE):
        return Path(named)
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    candidates = [Path(credentials) / "voiceprint.key"] if credentials else []
    for candidate in [*candidates, secret or CONTAINER_SECRET]:
        if candidate.exists():
            return candidate
    config = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".config")
    return Path(config) / "voiceprint" / "master.key"


def load_key_file(path: Path, *, data: Path | None) -> MasterKeys:
    """The keys of a file.

    Raises KeyFileError: ``key_missing``, ``key_unreadable``, ``key_readable_by_others``, ``key_inside_data``,
    ``key_malformed``.
    """
    check_outside(path, data)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise KeyFileError("key_missing", f"There is no key file at {path}.") from error
    except OSError as error:
        raise KeyFileError("key_unreadable", f"The key file {path} cannot be read: {error.strerror}.") from error
    try:
        _check_mode(os.fstat(descriptor), path)
        text = os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    return MasterKeys(_parse(text, path), path, _parse_stores(text))


def create_key_file(path: Path, *, data: Path | None) -> MasterKeys:
    """The keys of a new key file, 0600 and durable, or of the one that is there already.

    Raises KeyFileError (``key_not_made``), and as ``load_key_file``.
    """
    check_outside(path, data)
    with _os_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_drafts(path)
        with suppress(FileExistsError):
            create_file(path, _text(MasterKeys((Fernet.generate_key(),), path)))
    return load_key_file(path, data=data)


def replace_key_file(keys: MasterKeys) -> None:
    """Write these keys in place of the file's old ones.

    Raises KeyFileError (``key_not_made``) where the file cannot be replaced, as a mounted secret; then it is unchanged.
    """
    path = keys.path.resolve()  # a link stays a link
    with _os_errors(path):
        _remove_drafts(path)
        replace_file(path, _text(keys))


@contextmanager
def hold_key_file(path: Path) -> Iterator[None]:
    """Lock the key file against other processes.

    Raises KeyFileError: ``key_busy``, ``key_not_made``.
    """
    with _os_errors(path):
        descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise KeyFileError("key_busy", f"Another process is changing the key file {path}.") from error
    finally:
        os.close(descriptor)


def claim_key_file(keys: MasterKeys, store_id: str, *, data: Path | None) -> None:
    """Enter a store in the key file that opens it, where the file can be written."""
    if store_id in keys.stores:
        return
    try:
        with hold_key_file(keys.path):
            now = load_key_file(keys.path, data=data)
            tag = now.tag if len(now.keys) == 1 else "unknown"
            replace_key_file(MasterKeys(now.keys, now.path, {store_id: tag, **now.stores}))
    except KeyFileError:
        return  # a mounted secret: its owner also rotates it


def check_outside(path: Path, data: Path | None) -> None:
    """Refuse a key inside the data folder: one copy of the folder would take both.

    Raises KeyFileError.
    """
    if data is not None and path.resolve().is_relative_to(data.resolve()):
        raise KeyFileError(
            "key_inside_data", f"The key file {path} lies inside the data folder {data}; keep it somewhere else."
        )


def _text(keys: MasterKeys) -> bytes:
    lines = [f"# store {store_id} {tag}".encode() for store_id, tag in keys.stores.items()]
    return b"".join(line + b"\n" for line in [*lines, *keys.keys])


def _remove_drafts(path: Path) -> None:
    """Remove the drafts of killed processes: they hold keys."""
    for draft in drafts_beside(path):
        draft.unlink(missing_ok=True)


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeyFileError("key_not_made", f"The key file {path} cannot be written: {error.strerror}.") from error


def _check_mode(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyFileError("key_unreadable", f"The key file {path} is not a regular file.")
    # Service managers mount secrets that root owns and one group may read; everything wider is refused.
    allowed = 0o640 if status.st_uid == 0 else 0o600
    if status.st_mode & 0o777 & ~allowed:
        mode = stat.S_IMODE(status.st_mode)
        raise KeyFileError(
            "key_readable_by_others", f"The key file {path} has mode {mode:04o}; it must be 0600: chmod 600 {path}."
        )


def _parse(text: bytes, path: Path) -> tuple[bytes, ...]:
    if len(text) > MAX_BYTES:
        raise KeyFileError("key_malformed", f"The key file {path} is larger than {MAX_BYTES} bytes.")
    keys = []
    for number, line in enumerate(text.splitlines(), start=1):
        key = line.strip()
        if not key or key.startswith(b"#"):
            continue
        if not _is_key(key):
            raise KeyFileError("key_malformed", f"Line {number} of the key file {path} is not a key.")
        keys.append(key)
    if not keys:
        raise KeyFileError("key_malformed", f"The key file {path} holds no key.")
    return tuple(keys)


def _parse_stores(text: bytes) -> dict[str, str]:
    return {found[1].decode(): found[2].decode() for found in _STORE_LINE.finditer(text)}


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, altchars=b"-_", validate=True)) == 32
    except binascii.Error:
        return False
