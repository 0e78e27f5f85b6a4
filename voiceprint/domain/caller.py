"""The caller that a token stands for: its scopes and groups. Knows neither HTTP nor storage.

::

    identify   identify and verify; answers are decisions, without scores
    enroll     also: enroll speakers, add enrollments, list the speakers
    operate    everything: exact scores, renaming and forgetting included
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from voiceprint.domain.groups import Within, check_groups
from voiceprint.errors import AccessError

__all__ = ["ANONYMOUS", "OPERATOR", "SCOPES", "Caller", "Scope"]

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
    """The rights of one client.

    ``token_id``: None on this machine, where no token is needed; ``groups``: None for all speakers.
    """

    token_id: str | None
    scopes: frozenset[Scope]
    groups: Within = None
    sign_in: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether one of the caller's scopes includes this one."""
        return any(scope in _HOLDS[held] for held in self.scopes)

    def require(self, scope: Scope) -> None:
        """Refuse a caller without the scope. Raises AccessError (``wrong_scope``)."""
        if not self.may(scope):
            raise AccessError("wrong_scope", f"This needs a token with the scope '{scope}'.")

    def within(self, wanted: Collection[str] | None) -> Within:
        """The groups of a request: those ``wanted``, or else all of the caller's.

        Raises AccessError (``wrong_group``), InputError (``bad_group``).
        """
        if not wanted:
            return self.groups
        asked = frozenset(check_groups(wanted))
        if self.groups is not None and not asked <= self.groups:
            raise AccessError("wrong_group", "This token is confined to other groups.")
        return asked

    @property
    def sees_scores(self) -> bool:
        """Whether exact scores are disclosed: enough of them reveal a template."""
        return self.may("operate")


OPERATOR = Caller(None, frozenset({"operate"}))
ANONYMOUS = Caller(None, frozenset())
