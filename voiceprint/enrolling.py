"""What may be enrolled: one clip of enough speech, good enough to hear, of one voice."""

from collections.abc import Callable

from voiceprint.config import Settings
from voiceprint.decision.one_voice import VoiceWatch
from voiceprint.errors import SpeechError
from voiceprint.hearing.quality import check_for_enrollment
from voiceprint.hearing.speech import Utterance
from voiceprint.outcomes import Voice
from voiceprint.storage.records import Enrollment

__all__ = ["admit"]


def admit(
    utterance: Utterance,
    *,
    encode: Callable[[Utterance], Voice],
    watch: VoiceWatch,
    settings: Settings,
    content: str,
) -> Enrollment:
    """The enrollment that this clip makes; ``content``: a keyed hash of its file, "" for live speech.

    Raises SpeechError: not_enough_speech, too_quiet, clipping, noisy, other_speaker.
    """
    check_for_enrollment(utterance, min_speech_seconds=settings.min_enroll_speech_seconds)
    voice = encode(utterance)
    assert voice.embedding is not None  # enough speech to enroll is enough to encode
    if watch.hears_several(utterance.speech):
        # Two people in one enrollment would make a voiceprint of nobody.
        raise SpeechError("other_speaker", "More than one voice seems to speak; one person at a time can be enrolled.")
    return Enrollment.new(voice.embedding, utterance.speech_seconds, content)
