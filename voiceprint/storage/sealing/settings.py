"""What a store is: its encoder, its secret and the rotation of its vectors. Sealed under the master key, in one row."""

import secrets
import time
from typing import Self

import msgspec

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.storage.sealing.vault import Context, SealBrokenError

__all__ = ["StoreSettings", "StoreState", "settings_context"]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What lies sealed in a row of its own."""

    def pack(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        """Raises SealBrokenError."""
        try:
            return msgspec.msgpack.decode(body, type=cls)
        except msgspec.DecodeError as error:
            raise SealBrokenError(f"the {cls.__name__} cannot be read") from error


class StoreSettings(_Body, frozen=True, kw_only=True):
    """``secret``: 32 bytes from which the keys of tombstones, audit, receipts and content hashes are made; it outlives
    every master key. ``foreign_marks``: tombstone keys of stores whose bundles were imported. ``rotation``: how often
    the store was renewed; ``seed`` makes the matrix (none before the first renewal). ``former``: the encoder that the
    store is being moved away from; ``enroll_waiting``: whoever that one recognises is enrolled under the new one.
    """

    encoder: EncoderIdentity
    secret: bytes
    created_at: float
    rotation: int = 0
    seed: bytes = b""
    foreign_marks: tuple[bytes, ...] = ()
    former: EncoderIdentity | None = None
    enroll_waiting: bool = False

    @classmethod
    def new(cls, encoder: EncoderIdentity) -> Self:
        return cls(encoder=encoder, secret=secrets.token_bytes(32), created_at=time.time())

    def __repr__(self) -> str:
        return f"StoreSettings({self.encoder.id}, rotation {self.rotation})"


class StoreState(_Body, frozen=True, kw_only=True):
    """What every change to a store moves on, in the same transaction.

    ``epoch``: tombstones so far. ``revision``: changes to speakers so far. ``audit_number``, ``audit_chain``: the last
    line of the audit log. ``manifest``: sum over all speakers of a keyed hash of (speaker, generation). ``tokens``:
    changes to the access tokens so far. ``lineage``: random, another one whenever somebody begins at the first
    generation again. ``swept``: the last day (YYYY-MM-DD, UTC) on which the clock was believed.
    """

    epoch: int = 0
    revision: int = 0
    audit_number: int = 0
    audit_chain: str = ""
    manifest: bytes = bytes(32)
    tokens: int = 0
    lineage: str = ""
    swept: str = ""


def settings_context(store_id: str) -> Context:
    return {"type": "settings", "store": store_id}
