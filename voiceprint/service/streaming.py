"""Embeddings of a live utterance: draft guesses at a constant cost, and an exact final one.

The final one is encoded in the first longer silence, before it is known whether the utterance is over.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from voiceprint.audio.vad import Listener, Utterance
from voiceprint.decision.speaker_change import SpeakerChangeDetector
from voiceprint.service.results import EncodedUtterance

__all__ = ["GUESS_EVERY_SECONDS", "GUESS_SHARE", "StreamEncoder"]

# The first guesses come often, because more speech changes those most.
GUESS_EVERY_SECONDS, FIRST_SECONDS, LATER_GUESS_SECONDS = 0.5, 2.0, 1.0
# The share of a core that the guesses of one stream may take: those of an expensive encoder come less often.
GUESS_SHARE = 0.08
# After so much silence the utterance may be over. Long speech has many pauses and costs more to encode: there the
# silence must last for a share of the speech.
EARLY_SILENCE_SECONDS, EARLY_SILENCE_SHARE = 0.19, 0.025
# Longer speech is encoded once it is over, a moment against so long a speech: encoding it in every long pause was half
# of all that was encoded in takes of 30 s.
EARLY_SPEECH_SECONDS = 15.0


class StreamEncoder:
    """Encodes the speech of one listener.

    ``draft``: as ``encode``, faster and less exact; ``changes``: a new speaker change detector.
    """

    def __init__(
        self,
        listener: Listener,
        encode: Callable[[Utterance], EncodedUtterance],
        draft: Callable[[Utterance], EncodedUtterance],
        changes: SpeakerChangeDetector,
    ) -> None:
        self._listener = listener
        self._encode = encode
        self._draft = draft
        self._changes = changes
        self._last: EncodedUtterance | None = None
        self._guess_seconds = 0.0

    @property
    def next_guess_seconds(self) -> float:
        """Seconds of speech until the next guess: more often while the speech is short, as often as the cost allows."""
        usual = GUESS_EVERY_SECONDS if self._listener.speech_seconds < FIRST_SECONDS else LATER_GUESS_SECONDS
        return max(usual, self._guess_seconds / GUESS_SHARE)

    def prepare(self) -> None:
        """Encode the utterance as if the silence lasts, once a silence. Call after each frame."""
        seconds = self._listener.speech_seconds
        enough = max(EARLY_SILENCE_SECONDS, EARLY_SILENCE_SHARE * seconds)
        if seconds <= EARLY_SPEECH_SECONDS and self._listener.silent_seconds >= enough:
            self._encode_once(replace(self._listener.utterance(), speech=self._listener.speech_if_over()))

    def exact(self) -> EncodedUtterance:
        """All speech so far, encoded as one; encoded again only where speech came since."""
        utterance = self._listener.utterance()
        return replace(self._encode_once(utterance), utterance=utterance)

    def guess(self) -> EncodedUtterance:
        """A draft of short speech; of longer speech the mean of its windows.

        Only new windows are encoded.
        """
        begun = time.thread_time()  # of this thread alone: other work on the machine makes no guess more expensive
        guessed = self._guess()
        self._guess_seconds = time.thread_time() - begun
        return guessed

    def _guess(self) -> EncodedUtterance:
        utterance = self._listener.utterance()
        if self._last_of(utterance):
            return self.exact()
        mean = self._changes.mean(utterance.speech)
        if mean is None:
            return self._draft(utterance)
        return EncodedUtterance(utterance, mean, self._changes.hears_several(utterance.speech))

    def _last_of(self, utterance: Utterance) -> EncodedUtterance | None:
        """The last exact result where it is of this speech, else None.

        Speech only grows, so that its length tells.
        """
        last = self._last
        if last is None or len(last.utterance.speech.samples) != len(utterance.speech.samples):
            return None
        return last

    def _encode_once(self, utterance: Utterance) -> EncodedUtterance:
        last = self._last_of(utterance)
        if last is None:
            last = replace(self._encode(utterance), multiple_speakers=self._changes.hears_several(utterance.speech))
            self._last = last
        return last
