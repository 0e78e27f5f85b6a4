"""The receipt of an erasure: signed by the store, for the person whose voiceprint it was.

Ed25519 under a key that the store's secret gives. Without the store a receipt proves that the store of that public key
said so; with the store, that the id is forgotten there now. It is a real crypto-erasure only where no backup of the
store and of its master key is kept; restoring a bundle applies the marks of the forgotten first.
"""

from datetime import UTC, datetime

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from voiceprint.errors import InputError
from voiceprint.storage.rows import Rows
from voiceprint.storage.transactions import Transactions

__all__ = ["Receipt", "make_receipt", "parse_receipt", "verify_receipt"]

_PREFIX = b"voiceprint receipt 1 "


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="erasure_receipt"):
    """``erased_at``: ISO 8601, UTC. ``records``: how many were destroyed. ``epoch``: the number of this erasure in the
    store. ``audit_head``: the chain value of its audit line. ``log_cleared``: no byte of the key or the records is left
    in the database files (False while another process still read them; the next start clears it).
    """

    version: int = 1
    store: str
    speaker: str
    erased_at: str
    reason: str
    records: int
    epoch: int
    audit_head: str
    log_cleared: bool
    public_key: str
    signature: str = ""


def make_receipt(rows: Rows, speaker_id: str, *, reason: str, records: int, log_cleared: bool) -> Receipt:
    """Signed. ``rows``: the state right after the erasure."""
    key = rows.seals.purposes.receipt
    receipt = Receipt(
        store=rows.seals.store_id,
        speaker=speaker_id,
        erased_at=datetime.now(UTC).isoformat(timespec="seconds"),
        reason=reason,
        records=records,
        epoch=rows.state.epoch,
        audit_head=rows.state.audit_chain,
        log_cleared=log_cleared,
        public_key=key.public_key().public_bytes_raw().hex(),
    )
    return msgspec.structs.replace(receipt, signature=key.sign(_signed(receipt)).hex())


def parse_receipt(text: bytes | str) -> Receipt:
    """A receipt from JSON. Raises InputError (``bad_receipt``)."""
    try:
        return msgspec.json.decode(text, type=Receipt)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError("bad_receipt", f"This is not an erasure receipt: {error}.") from error


def verify_receipt(receipt: Receipt, store: Transactions | None = None) -> None:
    """Check the signature; with a store also that it is hers and that the erasure holds there.

    Raises InputError: ``receipt_forged``, ``receipt_of_another_store``, ``receipt_not_kept`` (the speaker is back).
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
        marked = rows.seals.mark(receipt.speaker) in rows.marks()
        if not marked or receipt.speaker in rows.generations() or rows.has_records(receipt.speaker):
            raise InputError("receipt_not_kept", "The erasure does not hold in this store: the speaker was put back.")


def _signed(receipt: Receipt) -> bytes:
    return _PREFIX + msgspec.json.encode(msgspec.structs.replace(receipt, signature=""), order="sorted")
