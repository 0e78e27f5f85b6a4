"""The master key file: checks, creation, replacement.

A key is created only for a new store; where there is data and no key, the start is refused. The file must be 0600; one
that root owns may be 0440 or 0640, as service managers mount secrets.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.fernet import Fernet

from voiceprint.errors import KeyFileError
from voiceprint.files import create_file, drafts_beside, replace_file
from voiceprint.storage.sealing.master_keys import MAX_BYTES, MasterKeys

__all__ = [
    "KeyFile",
    "MasterKeys",
    "claim_key_file",
    "create_key_file",
    "hold_key_file",
    "load_key_file",
    "replace_key_file",
]


class KeyFile:
    """The master keys of a file; ``writable``: whether a rotation may write it."""

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self._file = path
        self.where = str(path)
        self.name = f"the key file {path}"
        self.path = path if writable else None

    def load(self, *, data: Path | None) -> MasterKeys:
        """Raises KeyFileError: ``key_missing``, ``key_unreadable``, ``key_readable_by_others``, ``key_inside_data``,
        ``key_malformed``.
        """
        path = self._file
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
        return MasterKeys.parse(text, self)


def load_key_file(path: Path, *, data: Path | None) -> MasterKeys:
    """The keys of a file. Raises as ``KeyFile.load``."""
    return KeyFile(path).load(data=data)


def create_key_file(path: Path, *, data: Path | None) -> MasterKeys:
    """The keys of a new key file, 0600 and durable, or of the one that is there already.

    Raises KeyFileError (``key_not_made``), and as ``KeyFile.load``.
    """
    check_outside(path, data)
    with _os_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_drafts(path)
        with suppress(FileExistsError):
            create_file(path, MasterKeys((Fernet.generate_key(),), KeyFile(path)).text)
    return load_key_file(path, data=data)


def replace_key_file(keys: MasterKeys) -> None:
    """Write these keys in place of the file's old ones.

    Raises KeyFileError (``key_not_made``) where the file cannot be replaced, as a mounted secret; then it is unchanged.
    """
    path = keys.path.resolve()  # a link stays a link
    with _os_errors(path):
        _remove_drafts(path)
        replace_file(path, keys.text)


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
            replace_key_file(MasterKeys(now.keys, now.source, {store_id: tag, **now.stores}))
    except KeyFileError:
        return  # brought to us: its owner also rotates it


def check_outside(path: Path, data: Path | None) -> None:
    """Refuse a key inside the data folder: one copy of the folder would take both.

    Raises KeyFileError.
    """
    if data is not None and path.resolve().is_relative_to(data.resolve()):
        raise KeyFileError(
            "key_inside_data", f"The key file {path} lies inside the data folder {data}; keep it somewhere else."
        )


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
