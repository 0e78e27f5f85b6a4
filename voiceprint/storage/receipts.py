"""Receipts of erasure, signed by the store, for the person whose voiceprint was erased.

Ed25519 under a key derived from the store's secret. A receipt alone proves that the store of that public key issued it;
with the store, it proves that the id is erased there now. Erasure by key destruction is complete only where no backup
of the store and its master key is kept; restoring a bundle applies the tombstones first.
"""

from datetime import UTC, datetime

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from voiceprint.errors import InputError
from voiceprint.storage.rows import Rows
from voiceprint.storage.transactions import Transactions

__all__ = ["Receipt", "draft_receipt", "parse_receipt", "sign_receipt", "verify_receipt"]

_PREFIX = b"voiceprint receipt 1 "


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="erasure_receipt"):
    """Signed receipt of one erasure.

    ``erased_at``: ISO 8601, UTC. ``records``: number of records destroyed. ``epoch``: number of this erasure in the
    store. ``audit_head``: chain value of its audit line. ``log_cleared``: whether no byte of key or records is left in
    the database files (False while another process still read them; the next start clears them). ``revision``: of the
    store, from which on the speaker is gone; ``confirmed_by``: the servers that had taken it in when the receipt was
    signed; ``unconfirmed``: those that live and had not said so within a second. A receipt of version 1 has none of the
    three.
    """

    version: int = 2
    store: str
    speaker: str
    erased_at: str
    reason: str
    records: int
    epoch: int
    audit_head: str
    log_cleared: bool
    revision: int | msgspec.UnsetType = msgspec.UNSET
    confirmed_by: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    unconfirmed: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    public_key: str
    signature: str = ""


def draft_receipt(rows: Rows, speaker_id: str, *, reason: str, records: int, log_cleared: bool) -> Receipt:
    """The receipt of an erasure, without signature. ``rows``: the transaction that erased the speaker."""
    return Receipt(
        store=rows.seals.store_id,
        speaker=speaker_id,
        erased_at=datetime.now(UTC).isoformat(timespec="seconds"),
        reason=reason,
        records=records,
        epoch=rows.state.epoch,
        audit_head=rows.state.audit_chain,
        log_cleared=log_cleared,
        revision=rows.state.revision,
        public_key=rows.seals.purposes.receipt.public_key().public_bytes_raw().hex(),
    )


def sign_receipt(
    draft: Receipt, store: Transactions, confirmed_by: tuple[str, ...], unconfirmed: tuple[str, ...]
) -> Receipt:
    """The signed receipt of an erasure that servers confirmed."""
    receipt = msgspec.structs.replace(draft, confirmed_by=confirmed_by, unconfirmed=unconfirmed)
    return msgspec.structs.replace(receipt, signature=store.purposes.receipt.sign(_signed(receipt)).hex())


def parse_receipt(text: bytes | str) -> Receipt:
    """The receipt of a JSON text. Raises InputError (``bad_receipt``)."""
    try:
        return msgspec.json.decode(text, type=Receipt)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError("bad_receipt", f"This is not an erasure receipt: {error}.") from error


def verify_receipt(receipt: Receipt, store: Transactions | None = None) -> None:
    """Check the signature; with a store, also that it issued the receipt and the erasure holds.

    Raises InputError: ``receipt_forged``, ``receipt_of_another_store``, ``receipt_not_kept``; StoreError.
    """
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(receipt.public_key))
        public.verify(bytes.fromhex(receipt.signature), _signed(receipt))
    except (InvalidSignature, ValueError) as error:
        raise InputError("receipt_forged", "The signature does not belong to what the receipt says.") from error
    if store is None:
        return
    with store.reading() as rows:
        mine = rows.seals.purposes.receipt.public_key().public_bytes_raw().hex()
        if (receipt.store, receipt.public_key) != (rows.seals.store_id, mine):
            raise InputError("receipt_of_another_store", f"The receipt is of another store ({receipt.store}).")
        buried = rows.seals.tombstone(receipt.speaker) in rows.tables.tombstones()
        if rows.tables.still_has(receipt.speaker) or not buried:
            raise InputError("receipt_not_kept", "The erasure does not hold in this store: the speaker was put back.")


def _signed(receipt: Receipt) -> bytes:
    return _PREFIX + msgspec.json.encode(msgspec.structs.replace(receipt, signature=""), order="sorted")
