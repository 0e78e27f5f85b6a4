"""Master keys: their text, and what every source of them can do.

One Fernet key a line, newest first; blank lines and lines that begin with ``#`` do not count. Windows line ends are
accepted.

Lines ``# store ID TAG`` list the stores that use a key file, with the key that seals each: a rotation of one store must
not drop a key that another still needs. They are kept where the file can be written.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Protocol, Self

from voiceprint.errors import KeyFileError

__all__ = ["MAX_BYTES", "KeySource", "MasterKeys"]

MAX_BYTES = 64 * 1024
_STORE_LINE = re.compile(rb"^# store ([0-9a-f]{32}) ([0-9a-z]+)\s*$", re.MULTILINE)


class KeySource(Protocol):
    """Where master keys come from.

    ``where``: a path or a name; ``name``: the same in a sentence; neither holds a key. ``path``: of the file that a
    rotation may write, None for what is brought to us.
    """

    where: str
    name: str
    path: Path | None

    def load(self, *, data: Path | None) -> "MasterKeys":
        """The keys, read anew; ``data``: the data folder, which must not hold them. Raises KeyFileError."""


class MasterKeys:
    """Fernet keys (url-safe base64, 44 bytes), newest first. Its repr shows none of them.

    ``stores``: tag of the sealing key by store id.
    """

    __slots__ = ("keys", "source", "stores")

    def __init__(self, keys: tuple[bytes, ...], source: KeySource, stores: Mapping[str, str] | None = None) -> None:
        self.keys = keys
        self.source = source
        self.stores = dict(stores or {})

    @classmethod
    def parse(cls, text: bytes, source: KeySource) -> Self:
        """The keys of a text. Raises KeyFileError (``key_malformed``), which tells nothing of the text."""
        if len(text) > MAX_BYTES:
            raise KeyFileError("key_malformed", f"The text of {source.name} is larger than {MAX_BYTES} bytes.")
        keys = []
        for number, line in enumerate(text.splitlines(), start=1):
            key = line.strip()
            if not key or key.startswith(b"#"):
                continue
            if not _is_key(key):
                raise KeyFileError("key_malformed", f"Line {number} of {source.name} is not a key.")
            keys.append(key)
        if not keys:
            raise KeyFileError("key_malformed", f"There is no key in {source.name}.")
        stores = {found[1].decode(): found[2].decode() for found in _STORE_LINE.finditer(text)}
        return cls(tuple(keys), source, stores)

    def __repr__(self) -> str:
        return f"MasterKeys({len(self.keys)} keys from {self.source.where})"

    @property
    def text(self) -> bytes:
        """The content of a key file."""
        lines = [f"# store {store_id} {tag}".encode() for store_id, tag in self.stores.items()]
        return b"".join(line + b"\n" for line in [*lines, *self.keys])

    @property
    def path(self) -> Path:
        """The file that can be written. Raises KeyFileError (``key_not_made``) where the keys are brought to us."""
        if self.source.path is None:
            raise KeyFileError(
                "key_not_made",
                f"A new key cannot be put into {self.source.name}: give a new one with --key and this one with "
                "--old-key, to every server too, and rotate again.",
            )
        return self.source.path

    @property
    def tag(self) -> str:
        """A name of the newest key that reveals nothing of it."""
        return sha256(b"voiceprint key tag " + self.keys[0]).hexdigest()[:8]


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, altchars=b"-_", validate=True)) == 32
    except binascii.Error:
        return False
