"""The operator's own enrolled voices as samples: a calibration for exactly these people and microphones.

Only those who consented to something take part. Takes of one sitting are more alike than a person is on another day, so
a calibration from enrollments alone promises too much where all enrolled in one sitting.
"""

from collections.abc import Iterator, Sequence

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.evaluation.samples import WHOLE, Sample

__all__ = ["enrolled_samples"]

CORPUS = "enrolled"


def enrolled_samples(speakers: Sequence[StoredSpeaker]) -> Iterator[Sample]:
    """One sample an enrollment, of speakers with a consent; speakers are known by their opaque ids."""
    for speaker in speakers:
        if speaker.profile.consent is None:
            continue
        for number, enrollment in enumerate(speaker.enrollments):
            yield Sample(
                CORPUS, f"{CORPUS}/{speaker.id}", (number,), enrollment.speech_seconds, WHOLE, enrollment.embedding
            )
