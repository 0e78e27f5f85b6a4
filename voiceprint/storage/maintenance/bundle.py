"""Bundles: a store or one speaker in one sealed file, for backup and transfer.

::

    VOICEPRINT BUNDLE\\n
    {"version": 1, "store": …, "seal": "master" | "passphrase", …}\\n      nothing personal
    one Fernet token: settings, tombstones, speakers with name, consent and vectors

Sealed under a key derived from the master key, or under a passphrase (scrypt) for a store with another key. Restoring
applies the tombstones first: no speaker erased in either place comes back, and one erased in the bundle is erased here.
The audit log stays with its store. The vectors are those of one encoder; another is refused.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import InputError, KeyFileError, StoreError
from voiceprint.files import create_file
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.master_keys import MasterKeys
from voiceprint.storage.sealing.settings import StoreSettings
from voiceprint.storage.sealing.speaker_codec import PackedSpeaker, has_unit_vectors
from voiceprint.storage.sealing.vault import Vault
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
    tombstones: tuple[str, ...] = msgspec.field(name="marks")
    speakers: tuple[PackedSpeaker, ...] = msgspec.field(name="people")


class Bundle:
    """An opened bundle. ``store``: id of the store that it was taken from."""

    def __init__(self, body: _Body) -> None:
        self.store = body.store
        self.settings = body.settings
        self.tombstones = body.tombstones
        self.speakers: tuple[StoredSpeaker, ...] = tuple(packed.speaker() for packed in body.speakers)

    def __repr__(self) -> str:
        return f"Bundle({len(self.speakers)} speakers of store {self.store})"


def take_bundle(store: Store, *, passphrase: str | None = None, only: str | None = None) -> bytes:
    """The sealed bundle of all undamaged speakers, or of the one with the id ``only``.

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
    """Note the export, unless the audit log itself is damaged: then the backup matters more."""
    try:
        store.note("exported", only, speakers=speakers)
    except StoreError as error:
        if error.code != "store_damaged":
            raise


def read_bundle(data: bytes, *, keys: MasterKeys, passphrase: str | None = None) -> Bundle:
    """The opened bundle of a file's bytes.

    Raises InputError: ``not_a_bundle``, ``bundle_newer``, ``bundle_sealed``, ``bundle_damaged``; KeyFileError
    (``key_wrong``).
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
        raise KeyFileError(
            "key_wrong", f"No key in {keys.source.name} opens the bundle, or the bundle is damaged."
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise InputError("bundle_damaged", "The bundle opens, but what is in it cannot be read.") from error
    # All else of the head is bound already: a change of how the key is made gives another key.
    if body.store != header.store:
        raise InputError("bundle_damaged", "The head of the bundle says another store than what is inside.")
    bundle = Bundle(body)
    _check_vectors(bundle)
    return bundle


def _check_vectors(bundle: Bundle) -> None:
    settings = bundle.settings
    sizes = (settings.encoder.dimension, settings.previous_encoder.dimension if settings.previous_encoder else 0)
    for speaker in bundle.speakers:
        if not has_unit_vectors(speaker, sizes):
            raise InputError("bundle_damaged", f"The speaker {speaker.id} has other vectors than the bundle says.")


def write_bundle(data: bytes, path: Path) -> None:
    """Write a bundle to a new file, 0600. Raises StoreError (``bundle_not_written``)."""
    try:
        create_file(path, data)
    except OSError as error:
        raise StoreError("bundle_not_written", f"The bundle {path} cannot be written: {error.strerror}.") from error


def _body(rows: Rows, speakers: Sequence[StoredSpeaker]) -> _Body:
    return _Body(
        store=rows.seals.store_id,
        settings=rows.seals.settings,
        audit_head=rows.state.audit_chain,
        tombstones=tuple(sorted(rows.tables.tombstones())),
        speakers=tuple(PackedSpeaker.of(speaker) for speaker in speakers),
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
        # Only the canonical form is accepted: another spelling of the same header was tampered with.
        written = bytes.fromhex(header.store + header.salt).hex() == header.store + header.salt
        unused = header.seal == "master" and (header.salt, header.scrypt_log2_n) != ("", _SCRYPT_LOG2_N)
        if not (known and written and _is_canonical(token)) or unused or not 14 <= header.scrypt_log2_n <= 20:
            raise InputError("bundle_damaged", "The head of the bundle is damaged.")
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError("bundle_damaged", "The head of the bundle is damaged.") from error
    return header, token


def _is_canonical(token: bytes) -> bool:
    """Whether a token is canonical base64: its last character has bits that decoding ignores."""
    return urlsafe_b64encode(urlsafe_b64decode(token)) == token


def _passphrase_key(header: _Header, passphrase: str) -> Fernet:
    scrypt = Scrypt(salt=bytes.fromhex(header.salt), length=32, n=1 << header.scrypt_log2_n, r=8, p=1)
    return Fernet(urlsafe_b64encode(scrypt.derive(passphrase.encode())))
