"""Waveform -> Utterance (its speech) -> EncodedUtterance -> Enrollment, without a store."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.channels import ANY, Choice, Party, main_utterance, parties_of
from voiceprint.audio.decoding import decode
from voiceprint.audio.recording import Recording, Waveform
from voiceprint.audio.vad import Listener, Utterance, VoiceActivity
from voiceprint.config import Settings
from voiceprint.decision.speaker_change import SpeakerChangeDetector
from voiceprint.domain.speaker import Enrollment
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.segmentation import Segmentation
from voiceprint.service.enrollment import admit
from voiceprint.service.results import EncodedUtterance

__all__ = ["Listening"]

# Longer speech says no more about the speaker, and costs memory in proportion.
MAX_ENCODED_SECONDS = 60.0


class Listening:
    """The half of the service that needs no store. Thread safe."""

    def __init__(
        self,
        encoder: Encoder,
        activity: VoiceActivity,
        settings: Settings,
        *,
        speaker_change_threshold: float | None,
        encode_previous: Callable[[Waveform], NDArray[np.float32] | None],
        segmentation: Segmentation | None = None,
    ) -> None:
        """``encode_previous``: the embedding by the previous encoder, None where it is not needed; ``segmentation``:
        None where it was not fetched.
        """
        self.encoder = encoder
        self.settings = settings
        self.segmentation = segmentation
        self._activity = activity
        self._speaker_change_threshold = speaker_change_threshold
        self._encode_previous = encode_previous

    def warm_up(self) -> None:
        """Run everything once, so that the first utterance is answered as fast as the second."""
        noise = np.random.default_rng(0).normal(scale=0.1, size=2 * self.encoder.sample_rate).astype(np.float32)
        self.listen(Waveform(noise))
        for encode in (self.encoder.encode, self.encoder.encode_int8):
            encode([Waveform(noise)])

    def decode(self, data: bytes) -> Recording:
        """The sound of a recording in any common format, within the limits of the settings. Raises AudioError."""
        settings = self.settings
        return decode(data, max_seconds=settings.max_audio_seconds, max_bytes=settings.max_upload_bytes)

    def listener(self) -> Listener:
        """A new listener, to be fed with live audio."""
        return Listener(self._activity)

    def parties(self, sound: Recording | Waveform, choice: Choice = ANY) -> tuple[Party, ...]:
        """The speech in a recording, one party for each person who has a channel alone. Raises InputError."""
        recording = Recording.of(sound) if isinstance(sound, Waveform) else sound
        return parties_of(recording, self._activity, choice)

    def listen(self, sound: Recording | Waveform, choice: Choice = ANY) -> Utterance:
        """The utterance in a whole recording, of several parties that with most speech. Raises InputError."""
        return main_utterance(self.parties(sound, choice))

    def hear(self, sound: Recording | Waveform, choice: Choice = ANY) -> EncodedUtterance:
        """The encoded utterance of a whole recording, checked for speaker changes. Raises InputError."""
        utterance = self.listen(sound, choice)
        several = bool(utterance.origin.parties) or self.change_detector().hears_several(utterance.speech)
        return replace(self.encode(utterance), multiple_speakers=several)

    def change_detector(self) -> SpeakerChangeDetector:
        """A new speaker change detector, for one utterance."""
        return SpeakerChangeDetector(
            self._speaker_change_threshold, self.encoder.encode_int8, max_seconds=MAX_ENCODED_SECONDS
        )

    def encode(self, utterance: Utterance, *, draft: bool = False) -> EncodedUtterance:
        """The utterance with the embedding of its first minute.

        ``draft``: faster and less exact, for a guess.
        """
        samples = utterance.speech.samples[: int(MAX_ENCODED_SECONDS * self.encoder.sample_rate)]
        if len(samples) < self.encoder.min_num_samples:
            return EncodedUtterance(utterance, None)
        encode = self.encoder.encode_int8 if draft else self.encoder.encode
        waveform = Waveform(samples)
        return EncodedUtterance(utterance, encode([waveform])[0], previous_embedding=self._encode_previous(waveform))

    def admit(self, utterance: Utterance, content: str = "") -> Enrollment:
        """The enrollment made from an utterance.

        ``content``: keyed hash of its file, "" for live speech. Raises SpeechError: no_speech, several_parties,
        too_quiet, clipping, noisy, other_speaker.
        """
        return admit(
            utterance,
            encode=self.encode,
            min_samples=self.encoder.min_num_samples,
            changes=self.change_detector(),
            content=content,
        )
