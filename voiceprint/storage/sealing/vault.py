"""Keys of a store and the seals that they make.

::

    master key ─HKDF, salt: store id─▶ wrapping key ─▶ seals the store's settings and secret,
                                                           └▶ seals one data key a speaker ─▶ seals their body
    store secret ─HKDF─▶ keys for content hashes, tombstones, pseudonyms, audit, receipts

The secret is itself sealed, and outlives every master key: tombstones and hashes survive a rotation.

Fernet (AES-128-CBC with HMAC-SHA256) does the sealing. A Fernet token alone is bound to nothing, so every payload
carries its context inside the seal, and opening compares that with the context of the place it was read from.

Speakers are sealed in the bytes of Fernet tokens, without Base64: a third smaller. They are opened here by the
published format (https://github.com/fernet/spec), at less than half the time that ``Fernet.decrypt`` takes over text.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from voiceprint.storage.sealing.master_keys import MasterKeys

__all__ = [
    "Context",
    "HashKey",
    "PurposeKeys",
    "SealBrokenError",
    "Vault",
    "open_bytes",
    "open_sealed",
    "seal",
    "seal_bytes",
]

Context = Mapping[str, str | int]
_MAGIC = b"VPR1"
# A Fernet token: version, time (8), initialisation vector (16), ciphertext, HMAC (32).
_VERSION, _IV, _TEXT, _MAC = 0x80, 9, 25, 32


class SealBrokenError(Exception):
    """A token that does not open, or that was sealed in another context.

    Tells nothing of the content.
    """


class Vault:
    """The wrapping keys of one store, newest first; each is the bytes (32,) of a Fernet key."""

    def __init__(self, master: MasterKeys, store_id: str) -> None:
        salt = bytes.fromhex(store_id)
        raw = [base64.urlsafe_b64decode(key) for key in master.keys]
        self.keys = [_expand(key, salt, "wrapping") for key in raw]
        self._wrapping = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in self.keys])
        self.bundles = MultiFernet([_fernet(key, salt, "bundle") for key in raw])

    def wrap(self, context: Context, body: bytes) -> bytes:
        """The token of a body under the newest master key."""
        return seal(self._wrapping, context, body)

    def unwrap(self, context: Context, token: bytes) -> bytes:
        """The body of a token, sealed under any of the master keys. Raises SealBrokenError."""
        return open_sealed(self._wrapping, context, token)


def seal(key: Fernet | MultiFernet, context: Context, body: bytes) -> bytes:
    """A token of the context and the body, without the time of its making."""
    return key.encrypt_at_time(_head(context) + body, 0)


def open_sealed(key: Fernet | MultiFernet, context: Context, token: bytes) -> bytes:
    """The body of a token that was sealed in exactly this context. Raises SealBrokenError."""
    try:
        payload = key.decrypt(token)
    except (InvalidToken, TypeError, ValueError) as error:
        raise SealBrokenError("the token does not open") from error
    return _in_one_of((context,), payload)[1]


def seal_bytes(key: bytes, context: Context, body: bytes) -> bytes:
    """The bytes of a token, under the bytes (32,) of a Fernet key."""
    return base64.urlsafe_b64decode(seal(Fernet(base64.urlsafe_b64encode(key)), context, body))


def open_bytes(keys: Sequence[bytes], contexts: Sequence[Context], token: bytes) -> tuple[int, bytes]:
    """The number of the context that the bytes of a token were sealed in, and the body.

    Raises SealBrokenError.
    """
    signed, mac = token[:-_MAC], token[-_MAC:]
    if len(signed) > _TEXT and signed[0] == _VERSION:
        for key in keys:
            if hmac.compare_digest(hmac.digest(key[:16], signed, "sha256"), mac):
                padded = Cipher(AES(key[16:]), CBC(signed[_IV:_TEXT])).decryptor().update(signed[_TEXT:])
                return _in_one_of(contexts, padded[: -padded[-1]])
    raise SealBrokenError("the token does not open")


def _in_one_of(contexts: Sequence[Context], payload: bytes) -> tuple[int, bytes]:
    """The number of the context that begins a payload, and the rest. Both are genuine: no secret is compared."""
    for number, context in enumerate(contexts):
        head = _head(context)
        if payload.startswith(head):
            return number, payload[len(head) :]
    raise SealBrokenError("the token belongs somewhere else")


def _head(context: Context) -> bytes:
    encoded = msgspec.json.encode(context, order="sorted")
    return _MAGIC + len(encoded).to_bytes(4, "big") + encoded


class HashKey:
    """HMAC-SHA256 under one key."""

    __slots__ = ("_begun", "key")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._begun = hmac.new(key, digestmod="sha256")

    def digest(self, data: bytes) -> bytes:
        """32 bytes."""
        copy = self._begun.copy()  # at two thirds of the time that a new one takes
        copy.update(data)
        return copy.digest()

    def hash(self, data: bytes) -> str:
        """Hex, 64 characters."""
        return self.digest(data).hex()


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
