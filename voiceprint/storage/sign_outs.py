"""The sign-ins of pages that ended before their time: one sealed row of the store."""

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.vault import Context, SealBrokenError, open_sealed, seal

__all__ = ["MOST", "read_sign_outs", "write_sign_out"]

# Far more than pages are signed out of in thirty days; then those that end soonest go.
MOST = 10_000
_KEY = "signed_out"


def read_sign_outs(rows: Rows) -> dict[str, int]:
    """The ids of sign-ins that count no longer, and when each would have ended. Raises StoreError."""
    token = rows.tables.meta(_KEY)
    if token is None:
        return {}
    try:
        return _decoder.decode(open_sealed(rows.seals.purposes.tokens, _context(rows), token))
    except (SealBrokenError, msgspec.DecodeError, UnicodeError) as error:
        raise StoreError("store_damaged", "The list of those who signed out was changed.") from error


def write_sign_out(rows: Rows, sign_in: str, until: int, *, now: float) -> None:
    """One more, within a transaction; those that are over anyway go."""
    ended = {one: end for one, end in read_sign_outs(rows).items() if end > now} | {sign_in: until}
    latest = dict(sorted(ended.items(), key=lambda item: item[1])[-MOST:])
    token = seal(rows.seals.purposes.tokens, _context(rows), msgspec.json.encode(latest))
    rows.tables.put_meta(_KEY, token)


def _context(rows: Rows) -> Context:
    return {"type": "signed out", "store": rows.seals.store_id}


_decoder = msgspec.json.Decoder(dict[str, int])
