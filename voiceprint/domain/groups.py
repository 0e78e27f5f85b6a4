"""Groups of speakers: a household, a team, a watchlist. They bound what a caller can find."""

import re
from collections.abc import Collection

from voiceprint.errors import InputError

__all__ = ["Within", "check_groups", "is_within"]

# None: all speakers.
Within = frozenset[str] | None

MAX_GROUPS = 16
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def check_groups(names: Collection[str]) -> tuple[str, ...]:
    """The names as stored: sorted, without duplicates. Raises InputError (``bad_group``)."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise InputError(
                "bad_group", "A group's name has 1 to 64 of a-z 0-9 _ - and begins with a letter or a digit."
            )
    found = tuple(sorted(set(names)))
    if len(found) > MAX_GROUPS:
        raise InputError("bad_group", f"A speaker can be in at most {MAX_GROUPS} groups, not {len(found)}.")
    return found


def is_within(groups: Collection[str], within: Within) -> bool:
    """Whether a speaker of these groups lies within the caller's groups."""
    return within is None or not within.isdisjoint(groups)
