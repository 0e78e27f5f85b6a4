"""Waveform -> Utterance (the speech in it) -> its embedding -> an Enrollment. Knows the encoder and no store."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import Waveform, decode
from voiceprint.audio.vad import Listener, Utterance, VoiceActivity, listen
from voiceprint.config import Settings
from voiceprint.decision.speaker_change import SpeakerChangeDetector
from voiceprint.domain.speaker import Enrollment
from voiceprint.encoding.encoder import Encoder
from voiceprint.service.enrollment import admit
from voiceprint.service.results import Voice

__all__ = ["Listening"]

# Longer speech says no more about who is speaking, and costs memory in proportion.
MAX_ENCODED_SECONDS = 60.0


class Listening:
    """The half of the service that needs no store. Safe to use from several threads."""

    def __init__(
        self,
        encoder: Encoder,
        activity: VoiceActivity,
        settings: Settings,
        *,
        speaker_change_threshold: float | None,
        encode_previous: Callable[[Waveform], NDArray[np.float32] | None],
    ) -> None:
        """``encode_previous``: the embedding by the encoder that the store is leaving, None where it is not needed."""
        self.encoder = encoder
        self.settings = settings
        self._activity = activity
        self._speaker_change_threshold = speaker_change_threshold
        self._encode_previous = encode_previous

    def warm_up(self) -> None:
        """Run everything once, so that the first person who speaks does not wait longer than the second."""
        noise = np.random.default_rng(0).normal(scale=0.1, size=2 * self.encoder.sample_rate).astype(np.float32)
        self.listen(Waveform(noise))
        for encode in (self.encoder.encode, self.encoder.encode_int8):
            encode([Waveform(noise)])

    def decode(self, data: bytes) -> Waveform:
        """The sound of a recording in any common format, within the limits of the settings. Raises AudioError."""
        settings = self.settings
        return decode(data, max_seconds=settings.max_audio_seconds, max_bytes=settings.max_upload_bytes)

    def listener(self) -> Listener:
        """A new stream to feed with audio."""
        return Listener(self._activity)

    def listen(self, waveform: Waveform) -> Utterance:
        """The speech in a whole recording."""
        return listen(waveform, self._activity)

    def hear(self, waveform: Waveform) -> Voice:
        """The speech in a whole recording, encoded."""
        utterance = self.listen(waveform)
        return replace(self.encode(utterance), several=self.watch().hears_several(utterance.speech))

    def watch(self) -> SpeakerChangeDetector:
        """For one utterance: whether more than one voice is in it."""
        return SpeakerChangeDetector(
            self._speaker_change_threshold, self.encoder.encode_int8, max_seconds=MAX_ENCODED_SECONDS
        )

    def encode(self, utterance: Utterance, *, quickly: bool = False) -> Voice:
        """Encode the speech of an utterance (its first minute); ``quickly``: nearly so, for a guess."""
        samples = utterance.speech.samples[: int(MAX_ENCODED_SECONDS * self.encoder.sample_rate)]
        if len(samples) < self.encoder.min_num_samples:
            return Voice(utterance, None)
        encode = self.encoder.encode_int8 if quickly else self.encoder.encode
        waveform = Waveform(samples)
        return Voice(utterance, encode([waveform])[0], former=self._encode_previous(waveform))

    def admit(self, utterance: Utterance, content: str = "") -> Enrollment:
        """What this utterance would add to a speaker. ``content``: the keyed hash of the file that it came from.

        Raises SpeechError: no_speech, too_quiet, clipping, noisy, other_speaker.
        """
        shortest = self.encoder.min_num_samples
        return admit(utterance, encode=self.encode, min_samples=shortest, watch=self.watch(), content=content)
