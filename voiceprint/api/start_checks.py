"""Checks of a ``start`` before a take begins."""

from voiceprint.api.messages import Start
from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.domain.match import check_top_k
from voiceprint.errors import AudioError, SpeakerError

__all__ = ["check_start"]

ENCODING = "pcm_s16le"


def check_start(start: Start) -> None:
    """Refuse a take that could not be answered.

    Raises AudioError for another kind of audio; InputError (``bad_top_k``); SpeakerError (``who``).
    """
    if start.encoding != ENCODING:
        raise AudioError("wrong_encoding", f"Audio must be {ENCODING}, not {start.encoding!r:.40}.")
    if start.sample_rate != SAMPLE_RATE:
        raise AudioError("wrong_rate", f"Audio must come at {SAMPLE_RATE} Hz, not {start.sample_rate}.")
    check_top_k(start.top_k)
    if start.mode == "verify" and start.speaker is None:
        raise SpeakerError("who", "To verify, give the id of the claimed speaker.")
