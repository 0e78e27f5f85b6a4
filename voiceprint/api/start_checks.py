"""What a ``start`` must say before a take begins."""

from voiceprint.api.messages import Start
from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.domain.caller import Caller
from voiceprint.domain.groups import Within
from voiceprint.errors import AudioError, InputError, SpeakerError
from voiceprint.service.service import VoiceprintService

__all__ = ["check_start"]

ENCODING = "pcm_s16le"


def check_start(start: Start, service: VoiceprintService, caller: Caller) -> Within:
    """The groups within which this caller's take is answered.

    Raises AccessError, AudioError, InputError or SpeakerError where it cannot begin.
    """
    caller.require("enroll" if start.mode == "enroll" else "identify")
    if start.encoding != ENCODING:
        raise AudioError("wrong_encoding", f"Audio must be {ENCODING}, not {start.encoding!r:.40}.")
    if start.sample_rate != SAMPLE_RATE:
        raise AudioError("wrong_rate", f"Audio must come at {SAMPLE_RATE} Hz, not {start.sample_rate}.")
    if not 1 <= start.top_k <= 100:
        raise InputError("bad_top_k", f"top_k must lie between 1 and 100, not {start.top_k}.")
    if start.mode == "enroll":
        _check_whom_to_enroll(start, service, caller)
    if start.mode == "verify" and start.speaker is None:
        raise SpeakerError("who", "To verify, give the id of the claimed speaker.")
    return caller.within(start.groups)


def _check_whom_to_enroll(start: Start, service: VoiceprintService, caller: Caller) -> None:
    if (start.name is None) == (start.speaker is None):
        raise SpeakerError("who", "To enroll, give either the name of a new speaker or the id of one enrolled.")
    if start.name is not None:
        service.check_new_name(start.name)
    if start.speaker is not None:
        service.speaker(start.speaker, caller.groups)
    service.check_consent(start.consent, start.speaker, required=True)
