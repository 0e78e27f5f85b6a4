"""Admission of clips to enrollment: good quality, one speaker each, enough speech in all."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from voiceprint.audio.overlap import MAX_OVERLAP, overlap_share
from voiceprint.audio.quality import problem_of, sentence_of, warnings_of
from voiceprint.audio.recording import SAMPLE_RATE, Waveform
from voiceprint.audio.vad import Utterance
from voiceprint.decision.speaker_change import SpeakerChangeDetector
from voiceprint.domain.speaker import Enrollment
from voiceprint.domain.vocabulary import Notice
from voiceprint.errors import SpeechError
from voiceprint.service.results import EncodedUtterance

__all__ = ["admit", "check_amount", "check_for_enrollment"]

# Overlapping speech is looked for in the first minute.
MAX_OVERLAP_SAMPLES = 60 * SAMPLE_RATE


def admit(
    utterance: Utterance,
    *,
    encode: Callable[[Utterance], EncodedUtterance],
    min_samples: int,
    changes: SpeakerChangeDetector,
    content: str,
) -> Enrollment:
    """The enrollment made from a clip; ``content``: keyed hash of its file, or "".

    ``min_samples``: what the encoder needs; shorter speech is repeated. How much is enough: ``check_amount``.
    Raises SpeechError: no_speech, several_parties, too_quiet, clipping, noisy, other_speaker.
    """
    warnings = check_for_enrollment(utterance)
    samples = utterance.speech.samples
    speech = Waveform(np.resize(samples, max(len(samples), min_samples)))
    encoded = encode(replace(utterance, speech=speech))
    assert encoded.embedding is not None
    if changes.hears_several(utterance.speech):
        # The mean of two speakers is the template of neither.
        raise SpeechError("other_speaker", "More than one voice seems to speak; one person at a time can be enrolled.")
    if overlap_share(Waveform(samples[:MAX_OVERLAP_SAMPLES])) > MAX_OVERLAP:
        doubt = "Two people may talk at once in this recording, or music plays; listen to it before you rely on it."
        warnings = (*warnings, Notice(code="two_at_once", message=doubt))
    return Enrollment.new(encoded.embedding, utterance.speech_seconds, content, warnings)


def check_amount(enrollments: Sequence[Enrollment], *, before_seconds: float, needed_seconds: float) -> None:
    """Refuse too little speech of a speaker in all; short clips may be enough together.

    ``before_seconds``: speech that is enrolled already. Raises SpeechError (``not_enough_speech``).
    """
    seconds = before_seconds + sum(enrollment.speech_seconds for enrollment in enrollments)
    if seconds < needed_seconds:
        heard = math.floor(10 * seconds) / 10  # rounded up it would read as enough
        raise SpeechError(
            "not_enough_speech", f"{heard:.1f} s of speech were heard in all; {needed_seconds:.1f} s are needed."
        )


def check_for_enrollment(utterance: Utterance) -> tuple[Notice, ...]:
    """What is doubtful about a clip that may be taken.

    Raises SpeechError for what would make a bad voiceprint: no_speech, several_parties, too_quiet, clipping,
    noisy.
    """
    if not utterance.speech_seconds:
        raise SpeechError("no_speech", f"No speech was heard in {utterance.audio_seconds:.1f} s of audio.")
    if utterance.origin.parties:
        channels = ", ".join(map(str, utterance.origin.parties))
        raise SpeechError(
            "several_parties", f"Channels {channels} hold different people: say with 'channel' which one to enroll."
        )
    problem = problem_of(utterance.level)
    if problem is not None:
        raise SpeechError(problem, sentence_of(problem, utterance.level))
    return (*utterance.warnings, *warnings_of(utterance.level))
