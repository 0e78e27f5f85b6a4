"""Checks of a ``start`` before a take begins."""

from voiceprint.api.messages import Start
from voiceprint.domain.match import check_top_k
from voiceprint.errors import SpeakerError

__all__ = ["check_start"]


def check_start(start: Start) -> None:
    """Refuse a take that could not be answered.

    Raises InputError (``bad_top_k``); SpeakerError (``who``).
    """
    check_top_k(start.top_k)
    if start.mode == "verify" and start.speaker is None:
        raise SpeakerError("who", "To verify, give the id of the claimed speaker.")
