"""A whole store, or one person, in one sealed file: backup, restore, and the move to another machine.

::

    VOICEPRINT BUNDLE\\n
    {"version": 1, "store": …, "seal": "master" | "passphrase", …}\\n      nothing that identifies anybody
    one Fernet token: settings, the marks of the forgotten, everybody with name, consent and vectors

Sealed under a key from the master key, or under a passphrase (scrypt) where it goes to somebody with another key.
Restoring applies the marks first: nobody forgotten in either place comes back, and who was forgotten in the bundle is
erased here. The audit log stays with its store. The vectors are those of one encoder; another is refused.
"""

import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import InputError, KeyFileError, StoreError
from voiceprint.storage.maintenance.bundle_codec import PackedSpeaker
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sealing.settings import StoreSettings
from voiceprint.storage.sealing.vault import Vault
from voiceprint.storage.sqlite.files import sync_folder
from voiceprint.storage.store import Store

__all__ = ["Bundle", "read_bundle", "take_bundle", "write_bundle"]

_MAGIC = b"VOICEPRINT BUNDLE\n"
_VERSION = 1
_SCRYPT_LOG2_N = 17
MIN_PASSPHRASE_CHARACTERS = 12


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    store: str
    seal: str
    salt: str = ""
    scrypt_log2_n: int = _SCRYPT_LOG2_N


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    store: str
    settings: StoreSettings
    audit_head: str
    marks: tuple[str, ...]
    people: tuple[PackedSpeaker, ...]


class Bundle:
    """An opened bundle. ``store``: the id of the store that it was taken from; ``marks``: of everybody forgotten."""

    def __init__(self, body: _Body) -> None:
        self.store = body.store
        self.settings = body.settings
        self.marks = body.marks
        self.speakers: tuple[StoredSpeaker, ...] = tuple(person.speaker() for person in body.people)

    def __repr__(self) -> str:
        return f"Bundle({len(self.speakers)} speakers of store {self.store})"


def take_bundle(store: Store, *, passphrase: str | None = None, only: str | None = None) -> bytes:
    """Everybody whose records open, or the one speaker of the id ``only``, sealed.

    Raises StoreError, InputError (``weak_passphrase``).
    """
    with store.reading() as rows:
        speakers = rows.load().speakers if only is None else (rows.read(only)[0],)
        body = _body(rows, speakers)
        header = _Header(version=_VERSION, store=rows.seals.store_id, seal="master")
        key: Fernet | MultiFernet = rows.seals.vault.bundles
    _note_export(store, only, len(speakers))
    if passphrase is not None:
        if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
            raise InputError(
                "weak_passphrase",
                f"The passphrase has {len(passphrase)} characters; it needs at least {MIN_PASSPHRASE_CHARACTERS}.",
            )
        header = msgspec.structs.replace(header, seal="passphrase", salt=secrets.token_hex(16))
        key = _passphrase_key(header, passphrase)
    token = key.encrypt_at_time(msgspec.msgpack.encode(body), 0)
    return _MAGIC + msgspec.json.encode(header) + b"\n" + token


def _note_export(store: Store, only: str | None, speakers: int) -> None:
    """In the log; but where the log itself is what is damaged, saving the rest goes first."""
    try:
        store.note("exported", only, speakers=speakers)
    except StoreError as error:
        if error.code != "store_damaged":
            raise


def read_bundle(data: bytes, *, keys: MasterKeys, passphrase: str | None = None) -> Bundle:
    """Open a bundle. Raises InputError: ``not_a_bundle``, ``bundle_newer``, ``bundle_sealed``, ``bundle_damaged``;
    KeyFileError (``key_wrong``).
    """
    header, token = _split(data)
    key: Fernet | MultiFernet
    if header.seal == "passphrase":
        if passphrase is None:
            raise InputError("bundle_sealed", "The bundle is sealed with a passphrase; give it with --passphrase-file.")
        key = _passphrase_key(header, passphrase)
    else:
        key = Vault(keys, header.store).bundles
    try:
        body = msgspec.msgpack.decode(key.decrypt(token), type=_Body)
    except InvalidToken as error:
        if header.seal == "passphrase":
            raise InputError("bundle_sealed", "The passphrase does not open the bundle, or it is damaged.") from error
        raise KeyFileError("key_wrong", f"No key in {keys.path} opens the bundle, or the bundle is damaged.") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise InputError("bundle_damaged", "The bundle opens, but what is in it cannot be read.") from error
    # All else of the head is bound already: whoever changes how the key was made gets another key.
    if body.store != header.store:
        raise InputError("bundle_damaged", "The head of the bundle says another store than what is inside.")
    bundle = Bundle(body)
    settings = bundle.settings
    sizes = (settings.encoder.dimension, settings.former.dimension if settings.former else 0)
    for speaker in bundle.speakers:
        made = zip((speaker.enrollments, speaker.former), sizes, strict=True)
        if any(len(one.embedding) != size for some, size in made for one in some):
            raise InputError("bundle_damaged", f"A vector of the speaker {speaker.id} has another length.")
    return bundle


def write_bundle(data: bytes, path: Path) -> None:
    """Onto the disk, 0600, complete or not at all; never over a file. Raises StoreError (``bundle_not_written``)."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(draft)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError("bundle_not_written", f"The bundle {path} cannot be written: {error.strerror}.") from error


def _body(rows: Rows, speakers: Sequence[StoredSpeaker]) -> _Body:
    return _Body(
        store=rows.seals.store_id,
        settings=rows.seals.settings,
        audit_head=rows.state.audit_chain,
        marks=tuple(sorted(rows.marks())),
        people=tuple(PackedSpeaker.of(speaker) for speaker in speakers),
    )


def _split(data: bytes) -> tuple[_Header, bytes]:
    line, _, token = data.removeprefix(_MAGIC).partition(b"\n")
    if not data.startswith(_MAGIC):
        raise InputError("not_a_bundle", "This file is not a voiceprint bundle.")
    try:
        version = msgspec.json.decode(line)["version"]
        if isinstance(version, int) and version > _VERSION:
            raise InputError("bundle_newer", f"The bundle was written by a newer voiceprint (version {version}).")
        header = msgspec.json.decode(line, type=_Header)
        known = header.version == _VERSION and header.seal in ("master", "passphrase")
        # There is one way to write it down: what reads the same but is written otherwise was changed by somebody.
        written = bytes.fromhex(header.store + header.salt).hex() == header.store + header.salt
        unused = header.seal == "master" and (header.salt, header.scrypt_log2_n) != ("", _SCRYPT_LOG2_N)
        if not (known and written and _is_canonical(token)) or unused or not 14 <= header.scrypt_log2_n <= 20:
            raise InputError("bundle_damaged", "The head of the bundle is damaged.")
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError("bundle_damaged", "The head of the bundle is damaged.") from error
    return header, token


def _is_canonical(token: bytes) -> bool:
    """Whether this is how base64 is written: its last character has bits that nobody reads."""
    return urlsafe_b64encode(urlsafe_b64decode(token)) == token


def _passphrase_key(header: _Header, passphrase: str) -> Fernet:
    scrypt = Scrypt(salt=bytes.fromhex(header.salt), length=32, n=1 << header.scrypt_log2_n, r=8, p=1)
    return Fernet(urlsafe_b64encode(scrypt.derive(passphrase.encode())))
