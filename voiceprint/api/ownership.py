"""Which speakers a caller may change."""

from voiceprint.config import Settings
from voiceprint.domain.caller import Caller
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import AccessError

__all__ = ["require_all_groups", "require_enroller"]


def require_enroller(caller: Caller, speaker: StoredSpeaker, settings: Settings) -> None:
    """Refuse takes from a token that did not enroll the speaker: a stranger's would change the speaker's identity.

    Raises AccessError (``enrolled_by_others``).
    """
    own = caller.sees_scores or speaker.profile.enrolled_by == caller.token_id
    if not own and not settings.add_to_others:
        raise AccessError(
            "enrolled_by_others",
            "Another token enrolled this speaker: ask an operator to add to them, or to allow it "
            "(VOICEPRINT_ADD_TO_OTHERS).",
        )


def require_all_groups(caller: Caller, speaker: StoredSpeaker) -> None:
    """Refuse a change by a caller whose groups hold only some of the speaker's.

    Raises AccessError (``wrong_group``).
    """
    if caller.groups is not None and not caller.groups.issuperset(speaker.profile.groups):
        raise AccessError(
            "wrong_group", "The speaker belongs to groups of others, too: take them out of yours instead."
        )
