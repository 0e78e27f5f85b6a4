"""Settings and state of a store, each sealed in a row of its own."""

import secrets
import time
from typing import Self

import msgspec

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.storage.sealing.vault import Context, SealBrokenError

__all__ = ["StoreSettings", "StoreState", "settings_context"]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a struct that is sealed in a row of its own."""

    def pack(self) -> bytes:
        """The body (MessagePack)."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        """The struct of a body. Raises SealBrokenError."""
        try:
            return msgspec.msgpack.decode(body, type=cls)
        except msgspec.DecodeError as error:
            raise SealBrokenError(f"the {cls.__name__} cannot be read") from error


class StoreSettings(_Body, frozen=True, kw_only=True):
    """Encoder, secret and cancelable transform of a store; sealed under the master key.

    ``secret``: 32 bytes, the source of the keys for tombstones, audit, receipts and content hashes; it outlives every
    master key. ``foreign_tombstone_keys``: of stores whose bundles were imported. ``renewals``: number of template
    renewals; ``seed``: of the transform's matrix (empty before the first renewal). ``previous_encoder``: the old one
    during a migration; ``enroll_waiting``: whether speakers that it recognises are enrolled under the new one.
    """

    encoder: EncoderIdentity
    secret: bytes
    created_at: float
    renewals: int = msgspec.field(default=0, name="rotation")
    seed: bytes = b""
    foreign_tombstone_keys: tuple[bytes, ...] = msgspec.field(default=(), name="foreign_marks")
    previous_encoder: EncoderIdentity | None = msgspec.field(default=None, name="former")
    enroll_waiting: bool = False

    @classmethod
    def new(cls, encoder: EncoderIdentity) -> Self:
        """Settings of a new store, with a random secret."""
        return cls(encoder=encoder, secret=secrets.token_bytes(32), created_at=time.time())

    def __repr__(self) -> str:
        return f"StoreSettings({self.encoder.id}, {self.renewals} renewals)"


class StoreState(_Body, frozen=True, kw_only=True, omit_defaults=True):
    """Counters and check values, written with every change in the same transaction.

    ``epoch``: number of tombstones. ``revision``: number of changes to speakers. ``audit_number``, ``audit_chain``: the
    last line of the audit log. ``manifest``: sum over all speakers of a keyed hash of (pseudonym, generation).
    ``tokens``: number of changes to the access tokens. ``incarnation``: random; another one whenever a speaker begins
    at the first generation again. ``swept``: the last day (YYYY-MM-DD, UTC) on which the clock was believed.
    ``undo``, ``undo_at``: id and time of the change that can be undone.
    """

    epoch: int = 0
    revision: int = 0
    audit_number: int = 0
    audit_chain: str = ""
    manifest: bytes = bytes(32)
    tokens: int = 0
    incarnation: str = msgspec.field(default="", name="lineage")
    swept: str = ""
    undo: str = ""
    undo_at: float = 0.0


def settings_context(store_id: str) -> Context:
    """The context in which the settings of a store are sealed."""
    return {"type": "settings", "store": store_id}
