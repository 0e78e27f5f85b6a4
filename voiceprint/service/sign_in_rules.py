"""Which people that another service signs in may do what here: rules over the claims of an ID token."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from voiceprint.domain.caller import Scope
from voiceprint.domain.groups import check_groups

__all__ = ["Rule", "rule_for"]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose ``claim`` is, or has among others, this ``value`` has what a token of this scope and these groups has."""

    claim: str
    value: str
    scope: Scope
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises InputError (``bad_group``)."""
        check_groups(self.groups)

    @property
    def id(self) -> str:
        """A name of the rule that changes with it: who came in by a rule that is gone is out."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]

    def fits(self, claims: Mapping[str, object]) -> bool:
        """Whether a person has the claim. An address of mail counts only where it was verified."""
        if self.claim == "email" and claims.get("email_verified") is not True:
            return False
        said = claims.get(self.claim)
        return self.value in said if isinstance(said, list) else self.value == said


def rule_for(rules: Sequence[Rule], claims: Mapping[str, object]) -> Rule | None:
    """The first rule that fits a person, or None."""
    return next((rule for rule in rules if rule.fits(claims)), None)
