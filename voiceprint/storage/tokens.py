"""Access tokens and their scopes, hashed, in one sealed row of the store.

The store's state counts the changes, so that an earlier list put back (with a revoked token in it) is detected.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Sequence

import msgspec

from voiceprint.domain.caller import Scope
from voiceprint.domain.groups import check_groups
from voiceprint.errors import InputError, StoreError
from voiceprint.storage.rows import Rows
from voiceprint.storage.sealing.vault import Context, SealBrokenError, open_sealed, seal
from voiceprint.storage.store import Store

__all__ = ["AccessToken", "add_token", "hash_token", "list_tokens", "read_tokens", "revoke_token"]

_PREFIX = "vp_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DAY_SECONDS = 86_400


class AccessToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A token as stored. Times: seconds since 1970.

    ``hash``: SHA-256, enough for 256 random bits; ``groups``: those that the token is confined to, empty for all.
    """

    id: str
    name: str
    hash: str
    scopes: tuple[Scope, ...]
    created_at: float
    expires_at: float | None = None
    groups: tuple[str, ...] = ()

    def is_over(self, now: float) -> bool:
        """Whether the token has expired at a time in seconds since 1970."""
        return self.expires_at is not None and now >= self.expires_at


def hash_token(token: str) -> str:
    """SHA-256 of a token: hex, 64 characters."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def add_token(
    store: Store, name: str, scopes: Sequence[Scope], *, days: float | None = None, groups: Sequence[str] = ()
) -> tuple[str, AccessToken]:
    """A new token in clear, shown this once, and its stored form.

    ``days``: validity, None for ever.
    Raises InputError: ``bad_name``, ``name_taken``, ``bad_days``, ``bad_group``; StoreError.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            "bad_name", "A token's name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit."
        )
    if days is not None and not 0 < days < 100_000:
        raise InputError("bad_days", f"A token is valid for more than 0 and less than 100000 days, not {days:g}.")
    token, now = _PREFIX + secrets.token_urlsafe(32), time.time()
    kept = AccessToken(
        id=secrets.token_hex(8),
        name=name,
        hash=hash_token(token),
        scopes=tuple(dict.fromkeys(scopes)),
        created_at=now,
        expires_at=None if days is None else now + days * _DAY_SECONDS,
        groups=check_groups(groups),
    )
    with store.writing() as rows:
        tokens = read_tokens(rows)
        if any(other.name == name for other in tokens):
            raise InputError("name_taken", f"There is a token {name!r} already; revoke it first, or take another name.")
        _write(rows, (*tokens, kept), "token_added", kept)
    return token, kept


def list_tokens(store: Store) -> tuple[AccessToken, ...]:
    """All tokens that were not revoked, oldest first. Raises StoreError."""
    with store.reading() as rows:
        return read_tokens(rows)


def revoke_token(store: Store, name_or_id: str) -> AccessToken:
    """The token of a name or id, revoked. Raises InputError (``unknown_token``), StoreError."""
    with store.writing() as rows:
        tokens = read_tokens(rows)
        gone = next((token for token in tokens if name_or_id in (token.name, token.id)), None)
        if gone is None:
            raise InputError(
                "unknown_token", f"There is no token {name_or_id!r:.80}; 'voiceprint token list' shows them."
            )
        _write(rows, tuple(token for token in tokens if token is not gone), "token_revoked", gone)
    store.clear_log()
    return gone


def read_tokens(rows: Rows) -> tuple[AccessToken, ...]:
    """``list_tokens`` within a transaction. Raises StoreError (``store_damaged``)."""
    if not rows.state.tokens:
        return ()  # a row that is there all the same was written without the key
    try:
        body = open_sealed(rows.seals.purposes.tokens, _context(rows), rows.tables.meta("tokens") or b"")
        return _decoder.decode(body)
    except (SealBrokenError, msgspec.DecodeError, UnicodeError) as error:
        raise StoreError(
            "store_damaged", "The access tokens of the store were changed or put back; restore the store from a copy."
        ) from error


def _write(rows: Rows, tokens: tuple[AccessToken, ...], event: str, changed: AccessToken) -> None:
    rows.state = msgspec.structs.replace(rows.state, tokens=rows.state.tokens + 1)
    rows.tables.put_meta("tokens", seal(rows.seals.purposes.tokens, _context(rows), msgspec.json.encode(tokens)))
    rows.note(event, token=changed.id, scopes=" ".join(changed.scopes))


def _context(rows: Rows) -> Context:
    return {"type": "tokens", "store": rows.seals.store_id, "changes": rows.state.tokens}


_decoder = msgspec.json.Decoder(tuple[AccessToken, ...])
