"""Keys and seals.

::

    master key (file) ─HKDF, salt: store id─▶ wrapping key ─▶ seals the store's settings and secret,
                                                           └▶ seals one data key a speaker ─▶ seals their records
    store secret ─HKDF─▶ keys for content hashes, tombstones, pseudonyms, audit, receipts

The secret is itself sealed, and outlives every master key: marks and hashes stay valid when the master key changes.

Fernet (AES-128-CBC with HMAC-SHA256) does the sealing. A Fernet token alone is bound to nothing, so every payload
carries its context inside the seal, and opening compares it with what the place where it was found says it must be.
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
    """A token does not open, or what is inside belongs somewhere else. Says nothing about the content."""


class Vault:
    """The wrapping key of one store."""

    def __init__(self, master: MasterKeys, store_id: str) -> None:
        salt = bytes.fromhex(store_id)
        raw = [base64.urlsafe_b64decode(key) for key in master.keys]
        self._wrapping = MultiFernet([_fernet(key, salt, "wrapping") for key in raw])
        self.bundles = MultiFernet([_fernet(key, salt, "bundle") for key in raw])

    def wrap(self, context: Context, body: bytes) -> bytes:
        """Seal under the newest master key."""
        return seal(self._wrapping, context, body)

    def unwrap(self, context: Context, token: bytes) -> bytes:
        """Open what any of the master keys sealed. Raises SealBrokenError."""
        return open_sealed(self._wrapping, context, token)


def new_data_key() -> bytes:
    """A key for one speaker's records (a Fernet key, 44 bytes)."""
    return Fernet.generate_key()


def seal(key: Fernet | MultiFernet, context: Context, body: bytes) -> bytes:
    """A token that holds the context and the body. It does not tell when it was made."""
    return key.encrypt_at_time(_head(context) + body, 0)


def open_sealed(key: Fernet | MultiFernet, context: Context, token: bytes) -> bytes:
    """The body, if the token opens and was sealed in exactly this context. Raises SealBrokenError."""
    return open_in_one_of(key, (context,), token)[1]


def open_in_one_of(key: Fernet | MultiFernet, contexts: Sequence[Context], token: bytes) -> tuple[int, bytes]:
    """Which of the contexts the token was sealed in, and the body. Raises SealBrokenError where it is none of them."""
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
    """A random key that seals nothing else, and the body sealed under it in this context.

    AES-256-GCM: for many speakers at once, where a token would be a third longer and open thirty times slower.
    """
    key, nonce = AESGCM.generate_key(256), secrets.token_bytes(_NONCE)
    return key, nonce + AESGCM(key).encrypt(nonce, body, _head(context))


def open_block(key: bytes, context: Context, sealed: bytes) -> bytes:
    """The body, if it was sealed under this key in exactly this context. Raises SealBrokenError."""
    whole = memoryview(sealed)
    try:
        return AESGCM(key).decrypt(whole[:_NONCE], whole[_NONCE:], _head(context))
    except (InvalidTag, ValueError) as error:
        raise SealBrokenError("the block does not open") from error


def _head(context: Context) -> bytes:
    said = msgspec.json.encode(dict(context), order="sorted")
    return _MAGIC + len(said).to_bytes(4, "big") + said


class HashKey:
    """HMAC-SHA256 under one key."""

    __slots__ = ("key",)

    def __init__(self, key: bytes) -> None:
        self.key = key

    def hash(self, data: bytes) -> str:
        """Hex, 64 characters."""
        return hmac.digest(self.key, data, "sha256").hex()


class PurposeKeys:
    """One key for each purpose, all from the secret of a store; none tells anything about another."""

    def __init__(self, secret: bytes) -> None:
        self.content = HashKey(_expand(secret, b"", "content"))
        self.tombstone = HashKey(_expand(secret, b"", "tombstone"))
        self.pseudonym = HashKey(_expand(secret, b"", "pseudonym"))
        self.manifest = HashKey(_expand(secret, b"", "manifest"))
        self.audit_chain = HashKey(_expand(secret, b"", "audit chain"))
        self.audit = _fernet(secret, b"", "audit")
        self.state = _fernet(secret, b"", "state")
        self.tokens = _fernet(secret, b"", "tokens")
        self.sign_in = HashKey(_expand(secret, b"", "sign-in"))
        self.receipt = Ed25519PrivateKey.from_private_bytes(_expand(secret, b"", "receipt"))


def _fernet(raw: bytes, salt: bytes, purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_expand(raw, salt, purpose)))


def _expand(raw: bytes, salt: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=f"voiceprint {purpose} 1".encode()).derive(raw)
