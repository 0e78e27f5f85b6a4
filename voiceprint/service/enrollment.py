"""Admission of a clip to enrollment: enough speech, of sufficient quality, of one speaker."""

from collections.abc import Callable

from voiceprint.audio.quality import MIN_DBFS, MIN_SNR_DB, problem_of
from voiceprint.audio.vad import Utterance
from voiceprint.config import Settings
from voiceprint.decision.speaker_change import SpeakerChangeDetector
from voiceprint.domain.speaker import Enrollment
from voiceprint.errors import SpeechError
from voiceprint.service.results import EncodedUtterance

__all__ = ["admit", "check_for_enrollment"]


def admit(
    utterance: Utterance,
    *,
    encode: Callable[[Utterance], EncodedUtterance],
    changes: SpeakerChangeDetector,
    settings: Settings,
    content: str,
) -> Enrollment:
    """The enrollment made from a clip; ``content``: keyed hash of its file, or "".

    Raises SpeechError: not_enough_speech, too_quiet, clipping, noisy, other_speaker.
    """
    check_for_enrollment(utterance, min_speech_seconds=settings.min_enroll_speech_seconds)
    encoded = encode(utterance)
    assert encoded.embedding is not None  # enough speech to enroll is enough to encode
    if changes.hears_several(utterance.speech):
        # The mean of two speakers is the template of neither.
        raise SpeechError("other_speaker", "More than one voice seems to speak; one person at a time can be enrolled.")
    return Enrollment.new(encoded.embedding, utterance.speech_seconds, content)


def check_for_enrollment(utterance: Utterance, *, min_speech_seconds: float) -> None:
    """Refuse a clip that would make a bad template.

    Raises SpeechError: no_speech, not_enough_speech, too_quiet, clipping, noisy.
    """
    seconds, level = utterance.speech_seconds, utterance.level
    if not seconds:
        raise SpeechError("no_speech", f"No speech was heard in {utterance.audio_seconds:.1f} s of audio.")
    if seconds < min_speech_seconds:
        raise SpeechError(
            "not_enough_speech", f"{seconds:.1f} s of speech were heard; {min_speech_seconds:.1f} s are needed."
        )
    match problem_of(level):
        case "too_quiet":
            raise SpeechError(
                "too_quiet", f"The speech is too quiet ({level.dbfs:.0f} dBFS, at least {MIN_DBFS:.0f} are needed)."
            )
        case "clipping":
            raise SpeechError(
                "clipping", f"The recording is overdriven ({100 * level.clipped:.0f} % of it is at full scale)."
            )
        case "noisy":
            raise SpeechError(
                "noisy",
                f"There is too much noise: speech is {level.snr_db or 0:.0f} dB above it, not {MIN_SNR_DB:.0f}.",
            )
