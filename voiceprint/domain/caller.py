"""Who may do what: scopes, groups, and the caller that a token stands for. Knows nothing of HTTP or of storage.

::

    identify   ask who speaks and whether it is the claimed one; answers are decisions, without scores
    enroll     also: enroll people, add to them, see who is enrolled
    operate    everything, exact scores, renaming and forgetting included
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from voiceprint.domain.groups import Within, check_groups
from voiceprint.errors import AccessError

__all__ = ["NOBODY", "OPERATOR", "SCOPES", "Caller", "Scope"]

Scope = Literal["identify", "enroll", "operate"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# A wider scope holds the narrower ones.
_HOLDS: dict[Scope, frozenset[Scope]] = {
    "identify": frozenset({"identify"}),
    "enroll": frozenset({"identify", "enroll"}),
    "operate": frozenset(SCOPES),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``token_id``: None on this machine, while no token is asked for. ``groups``: whom they may meet."""

    token_id: str | None
    scopes: frozenset[Scope]
    groups: Within = None
    sign_in: str | None = None

    def may(self, scope: Scope) -> bool:
        return any(scope in _HOLDS[held] for held in self.scopes)

    def require(self, scope: Scope) -> None:
        """Raises AccessError (``wrong_scope``)."""
        if not self.may(scope):
            raise AccessError("wrong_scope", f"This needs a token with the scope '{scope}'.")

    def within(self, wanted: Collection[str] | None) -> Within:
        """The groups of a request; where none is ``wanted``, all of the caller's. Raises AccessError, InputError."""
        if not wanted:
            return self.groups
        asked = frozenset(check_groups(wanted))
        if self.groups is not None and not asked <= self.groups:
            raise AccessError("wrong_group", "This token is confined to other groups.")
        return asked

    @property
    def sees_scores(self) -> bool:
        """Exact scores give a template away to who may ask often enough, so that they are for operators."""
        return self.may("operate")


OPERATOR = Caller(None, frozenset({"operate"}))
NOBODY = Caller(None, frozenset())
