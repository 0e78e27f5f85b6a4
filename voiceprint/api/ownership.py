"""Which speakers a caller may change, and which of the changes wait for an operator's word."""

from voiceprint.config import Settings
from voiceprint.domain.caller import Caller
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import AccessError

__all__ = ["require_all_groups", "takes_wait"]


def takes_wait(caller: Caller, speaker: StoredSpeaker, consent: Consent | None, settings: Settings) -> bool:
    """Whether takes of the caller wait for an operator: a stranger's would change the speaker's identity.

    Raises AccessError (``enrolled_by_others``): a token that did not enroll the speaker adds to them only where that is
    allowed, and never gives a consent.
    """
    if caller.sees_scores or speaker.profile.enrolled_by == caller.token_id:
        return False
    if not settings.add_to_others:
        raise AccessError(
            "enrolled_by_others",
            "Another token enrolled this speaker: ask an operator to add to them, or to allow it "
            "(VOICEPRINT_ADD_TO_OTHERS).",
        )
    if consent is not None:
        raise AccessError("enrolled_by_others", "Another token enrolled this speaker: an operator changes the consent.")
    return True


def require_all_groups(caller: Caller, speaker: StoredSpeaker) -> None:
    """Refuse a change by a caller whose groups hold only some of the speaker's.

    Raises AccessError (``wrong_group``).
    """
    if caller.groups is not None and not caller.groups.issuperset(speaker.profile.groups):
        raise AccessError(
            "wrong_group", "The speaker belongs to groups of others, too: take them out of yours instead."
        )
