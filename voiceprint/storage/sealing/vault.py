"""Keys of a store and the seals that they make.

::

    master key (file) ─HKDF, salt: store id─▶ wrapping key ─▶ seals the store's settings and secret,
                                                           └▶ seals one data key a speaker ─▶ seals their records
    store secret ─HKDF─▶ keys for content hashes, tombstones, pseudonyms, audit, receipts

The secret is itself sealed, and outlives every master key: tombstones and hashes survive a rotation.

Fernet (AES-128-CBC with HMAC-SHA256) does the sealing. A Fernet token alone is bound to nothing, so every payload
carries its context inside the seal, and opening compares that with the context of the place it was read from.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from voiceprint.storage.sealing.key_file import MasterKeys

__all__ = [
    "Context",
    "HashKey",
    "PurposeKeys",
    "SealBrokenError",
    "Vault",
    "new_data_key",
    "open_block",
    "open_in_one_of",
    "open_sealed",
    "seal",
    "seal_block",
]

Context = Mapping[str, str | int]
_MAGIC = b"VPR1"
_NONCE = 12


class SealBrokenError(Exception):
    """A token that does not open, or that was sealed in another context.

    Tells nothing of the content.
    """


class Vault:
    """The wrapping key of one store."""

    def __init__(self, master: MasterKeys, store_id: str) -> None:
        salt = bytes.fromhex(store_id)
        raw = [base64.urlsafe_b64decode(key) for key in master.keys]
        self._wrapping = MultiFernet([_fernet(key, salt, "wrapping") for key in raw])
        self.bundles = MultiFernet([_fernet(key, salt, "bundle") for key in raw])

    def wrap(self, context: Context, body: bytes) -> bytes:
        """The token of a body under the newest master key."""
        return seal(self._wrapping, context, body)

    def unwrap(self, context: Context, token: bytes) -> bytes:
        """The body of a token, sealed under any of the master keys. Raises SealBrokenError."""
        return open_sealed(self._wrapping, context, token)


def new_data_key() -> bytes:
    """A random Fernet key (44 bytes) for one speaker's records."""
    return Fernet.generate_key()


def seal(key: Fernet | MultiFernet, context: Context, body: bytes) -> bytes:
    """A token of the context and the body, without the time of its making."""
    return key.encrypt_at_time(_head(context) + body, 0)


def open_sealed(key: Fernet | MultiFernet, context: Context, token: bytes) -> bytes:
    """The body of a token that was sealed in exactly this context. Raises SealBrokenError."""
    return open_in_one_of(key, (context,), token)[1]


def open_in_one_of(key: Fernet | MultiFernet, contexts: Sequence[Context], token: bytes) -> tuple[int, bytes]:
    """The number of the context that the token was sealed in, and the body.

    Raises SealBrokenError.
    """
    try:
        payload = key.decrypt(token)
    except (InvalidToken, TypeError, ValueError) as error:
        raise SealBrokenError("the token does not open") from error
    for number, context in enumerate(contexts):
        head = _head(context)
        if hmac.compare_digest(payload[: len(head)], head):
            return number, payload[len(head) :]
    raise SealBrokenError("the token belongs somewhere else")


def seal_block(context: Context, body: bytes) -> tuple[bytes, bytes]:
    """A random key of one use, and the body sealed under it in this context.

    AES-256-GCM, for many speakers at once: a token would be a third longer and open thirty times slower.
    """
    key, nonce = AESGCM.generate_key(256), secrets.token_bytes(_NONCE)
    return key, nonce + AESGCM(key).encrypt(nonce, body, _head(context))


def open_block(key: bytes, context: Context, sealed: bytes) -> bytes:
    """The body of a block sealed under this key in exactly this context. Raises SealBrokenError."""
    whole = memoryview(sealed)
    try:
        return AESGCM(key).decrypt(whole[:_NONCE], whole[_NONCE:], _head(context))
    except (InvalidTag, ValueError) as error:
        raise SealBrokenError("the block does not open") from error


def _head(context: Context) -> bytes:
    encoded = msgspec.json.encode(dict(context), order="sorted")
    return _MAGIC + len(encoded).to_bytes(4, "big") + encoded


class HashKey:
    """HMAC-SHA256 under one key."""

    __slots__ = ("key",)

    def __init__(self, key: bytes) -> None:
        self.key = key

    def hash(self, data: bytes) -> str:
        """Hex, 64 characters."""
        return hmac.digest(self.key, data, "sha256").hex()


class PurposeKeys:
    """One key for each purpose, derived from a store's secret; none reveals another."""

    def __init__(self, secret: bytes) -> None:
        self.content = HashKey(_expand(secret, b"", "content"))
        self.tombstone = HashKey(_expand(secret, b"", "tombstone"))
        self.pseudonym = HashKey(_expand(secret, b"", "pseudonym"))
        self.manifest = HashKey(_expand(secret, b"", "manifest"))
        self.audit_chain = HashKey(_expand(secret, b"", "audit chain"))
        self.audit = _fernet(secret, b"", "audit")
        self.state = _fernet(secret, b"", "state")
        self.tokens = _fernet(secret, b"", "tokens")
        self.undo = _fernet(secret, b"", "undo")
        self.sign_in = HashKey(_expand(secret, b"", "sign-in"))
        self.receipt = Ed25519PrivateKey.from_private_bytes(_expand(secret, b"", "receipt"))


def _fernet(raw: bytes, salt: bytes, purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_expand(raw, salt, purpose)))


def _expand(raw: bytes, salt: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=f"voiceprint {purpose} 1".encode()).derive(raw)
