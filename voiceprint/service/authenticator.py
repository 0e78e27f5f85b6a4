"""Authentication of callers by token, or by the cookie of a page that signed in: with one, or as a person.

As soon as a store has a token, one is required, on this machine too, until the server starts again without any. Where
another service signs people in, signing in is required as well.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from voiceprint.domain.caller import OPERATOR, Caller
from voiceprint.errors import AccessError
from voiceprint.service.sign_in_rules import Rule
from voiceprint.storage.sign_outs import read_sign_outs, write_sign_out
from voiceprint.storage.store import Store
from voiceprint.storage.tokens import AccessToken, hash_token, read_tokens

__all__ = ["LOOK_AGAIN_SECONDS", "SIGN_IN_SECONDS", "Authenticator"]

SIGN_IN_SECONDS = 30 * 86_400
LOOK_AGAIN_SECONDS = 1.0
# Before the id of a person, which no token has.
PERSON = "person-"


class Authenticator:
    """Admits callers by the tokens of a store, which are at most a second old after ``refresh``."""

    def __init__(self, store: Store, *, rules: Sequence[Rule] = (), clock: Callable[[], float] = time.time) -> None:
        """``rules``: of the people whom another service signs in."""
        self.required = bool(rules)
        self._rules = {rule.id: rule for rule in rules}
        self.cookie = f"voiceprint_{store.id[:8]}"  # cookies know no ports, and several servers may share a machine
        self._store = store
        self._clock = clock
        self._looked_at = float("-inf")
        self._by_hash: dict[str, AccessToken] = {}
        self._by_id: dict[str, AccessToken] = {}
        self._signed_out: dict[str, int] = {}
        self.refresh()

    @property
    def is_stale(self) -> bool:
        return not 0 <= self._clock() - self._looked_at < LOOK_AGAIN_SECONDS

    def refresh(self) -> None:
        """Read the tokens added or revoked meanwhile. May wait for the store. Raises StoreError."""
        if not self.is_stale:
            return
        now = self._clock()
        with self._store.reading() as rows:
            tokens, self._key = read_tokens(rows), rows.seals.purposes.sign_in
            self._signed_out = read_sign_outs(rows)
        self._by_hash = {token.hash: token for token in tokens}
        self._by_id = {token.id: token for token in tokens}
        self.required = self.required or bool(tokens)
        self._looked_at = now

    def admit(self, token: str | None) -> Caller:
        """The caller of a token. Raises AccessError: ``token_needed``, ``token_not_valid``."""
        if not self.required:
            return OPERATOR
        if token is None:
            raise AccessError("token_needed", "Sign in first: this server asks for a token.")
        return self._caller(self._by_hash.get(hash_token(token)))

    def check(self, caller: Caller) -> None:
        """Refuse a caller admitted earlier whose token is not valid any more. Raises AccessError."""
        if caller.token_id is not None and caller.token_id.startswith(PERSON):
            self._refuse_signed_out(caller.sign_in)
        elif caller.token_id is not None:
            self._caller(self._by_id.get(caller.token_id), caller.sign_in)
        elif self.required:
            raise AccessError("token_needed", "Sign in again: this server asks for a token now.")

    # A page signs in once. Its cookie holds the token's id (or those of a person and their rule), the time it ends, the
    # sign-in, and a keyed hash of them.

    def sign_in(self, token: str) -> tuple[str, Caller]:
        """The value of the page's cookie, and the caller. Raises AccessError."""
        caller = replace(self.admit(token), sign_in=secrets.token_hex(8))
        return self._cookie(f"{caller.token_id}", SIGN_IN_SECONDS, caller.sign_in or ""), caller

    def sign_in_person(self, person: str, rule: Rule, *, seconds: int) -> str:
        """The value of the page's cookie. ``person``: as the other service calls them; kept is a keyed hash of it."""
        return self._cookie(f"{PERSON}{self.derived(person)[:16]}~{rule.id}", seconds, secrets.token_hex(8))

    def derived(self, said: str) -> str:
        """A keyed hash under the key of sign-ins: hex, 64 characters."""
        return self._key.hash(said.encode(errors="replace"))

    def signed_in(self, cookie: str | None) -> Caller | None:
        """The caller of a cookie; None where it is too old, forged, signed out, or of a revoked token."""
        token_id, until, sign_in = self._parse(cookie)
        if until <= self._clock():
            return None
        try:
            if token_id.startswith(PERSON):
                return self._person(token_id, sign_in)
            return self._caller(self._by_id.get(token_id), sign_in)
        except AccessError:
            return None

    def sign_out(self, cookie: str | None) -> None:
        """The sign-in of this cookie ends, wherever copies of it are. Writes to the store. Raises StoreError."""
        _, until, sign_in = self._parse(cookie)
        if until > self._clock():
            with self._store.writing() as rows:
                write_sign_out(rows, sign_in, until, now=self._clock())
            self._signed_out[sign_in] = until

    def _parse(self, cookie: str | None) -> tuple[str, int, str]:
        """The token's id, the end and the id of the sign-in; an end at 0 for a cookie that we did not write."""
        said, _, mark = (cookie or "").rpartition(".")
        expected = self._key.hash(said.encode(errors="replace"))
        parts = said.split(".")
        if len(parts) != 3 or not hmac.compare_digest(mark.encode(errors="replace"), expected.encode()):
            return "", 0, ""
        return parts[0], int(parts[1]), parts[2]

    def _cookie(self, token_id: str, seconds: int, sign_in: str) -> str:
        said = f"{token_id}.{int(self._clock()) + seconds}.{sign_in}"
        return f"{said}.{self.derived(said)}"

    def _person(self, said: str, sign_in: str) -> Caller:
        person, _, rule_id = said.partition("~")
        self._refuse_signed_out(sign_in)
        if (rule := self._rules.get(rule_id)) is None:
            raise AccessError("token_needed", "Sign in again: what you may do here was changed.")
        return Caller(person, frozenset({rule.scope}), frozenset(rule.groups) or None, sign_in)

    def _refuse_signed_out(self, sign_in: str | None) -> None:
        if sign_in in self._signed_out:
            raise AccessError("token_needed", "Sign in again: this page was signed out.")

    def _caller(self, kept: AccessToken | None, sign_in: str | None = None) -> Caller:
        self._refuse_signed_out(sign_in)
        if kept is None or kept.is_over(self._clock()):
            raise AccessError(
                "token_not_valid", "The token is not valid here: it was mistyped, revoked, or is too old."
            )
        return Caller(kept.id, frozenset(kept.scopes), frozenset(kept.groups) or None, sign_in)
