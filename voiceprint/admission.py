"""What may be enrolled: one clip of enough speech, good enough to hear, of one voice."""

from collections.abc import Callable

from voiceprint.config import Settings
from voiceprint.decision.one_voice import sameness, windows_of
from voiceprint.decision.scoring import Policy
from voiceprint.encoder import Encoder
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
    encoder: Encoder,
    policy: Policy,
    settings: Settings,
    content: str,
) -> Enrollment:
    """The enrollment that this clip makes; ``content``: a keyed hash of its file, "" for live speech.

    Raises SpeechError: not_enough_speech, too_quiet, clipping, noisy, other_speaker.
    """
    check_for_enrollment(utterance, min_speech_seconds=settings.min_enroll_speech_seconds)
    voice = encode(utterance)
    assert voice.embedding is not None  # enough speech to enroll is enough to encode
    _check_one_voice(utterance, encoder, policy.one_voice)
    return Enrollment.new(voice.embedding, utterance.speech_seconds, content)


def _check_one_voice(utterance: Utterance, encoder: Encoder, line: float | None) -> None:
    """Two people in one enrollment would make a voiceprint of nobody. ``line``: the sameness that is asked for."""
    windows = windows_of(utterance.speech) if line is not None else []
    if line is not None and windows and sameness(encoder.encode(windows)) < line:
        raise SpeechError("other_speaker", "More than one voice seems to speak; one person at a time can be enrolled.")
