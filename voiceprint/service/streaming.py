"""A voice while it grows: guesses that cost the same however long somebody speaks, and an exact last word that is
encoded in the first silence, before anybody knows that it was the last.
"""

from collections.abc import Callable
from dataclasses import replace

from voiceprint.audio.vad import Listener, Utterance
from voiceprint.decision.speaker_change import HOP_SECONDS, WINDOW_SECONDS, SpeakerChangeDetector
from voiceprint.service.results import Voice

__all__ = ["GUESS_EVERY_SECONDS", "StreamEncoder"]

GUESS_EVERY_SECONDS = 0.5
# After so much silence somebody may have finished. In a long speech pauses are many and its encoding costs more: there
# they must last for a share of it.
EARLY_SILENCE_SECONDS, EARLY_SILENCE_SHARE = 0.19, 0.025
# Who spoke for longer waits for the encoding when it is over, a moment against so long a speech: encoding it in every
# long pause was half of all that was encoded in takes of 30 s.
EARLY_SPEECH_SECONDS = 15.0


class StreamEncoder:
    """The speech of one listener, encoded. ``encode``: an utterance to its voice, ``sketch``: nearly so and in less
    time; ``watch``: a new one.
    """

    def __init__(
        self,
        listener: Listener,
        encode: Callable[[Utterance], Voice],
        sketch: Callable[[Utterance], Voice],
        watch: SpeakerChangeDetector,
    ) -> None:
        self._listener = listener
        self._encode = encode
        self._sketch = sketch
        self._watch = watch
        self._known: Voice | None = None

    @property
    def next_guess_seconds(self) -> float:
        """How much more speech changes a guess: the first ones most, and windows end every second."""
        return GUESS_EVERY_SECONDS if self._listener.speech_seconds < WINDOW_SECONDS else HOP_SECONDS

    def prepare(self) -> None:
        """Encode what will have been said if the silence lasts; call after each frame, it does so once a silence."""
        seconds = self._listener.speech_seconds
        enough = max(EARLY_SILENCE_SECONDS, EARLY_SILENCE_SHARE * seconds)
        if seconds <= EARLY_SPEECH_SECONDS and self._listener.silent_seconds >= enough:
            self._learn(replace(self._listener.utterance(), speech=self._listener.speech_if_over()))

    def exact(self) -> Voice:
        """All speech so far, encoded as one; what was encoded before is used again when no speech came since."""
        utterance = self._listener.utterance()
        return replace(self._learn(utterance), utterance=utterance)

    def guess(self) -> Voice:
        """Nearly ``exact`` for short speech; for longer the mean of windows, of which only new ones are encoded."""
        utterance = self._listener.utterance()
        if self._learned(utterance):
            return self.exact()
        mean = self._watch.mean(utterance.speech)
        if mean is None:
            return self._sketch(utterance)
        return Voice(utterance, mean, self._watch.hears_several(utterance.speech))

    def _learned(self, utterance: Utterance) -> Voice | None:
        """Speech only ever grows at its end, so that its length says whether it is the same."""
        known = self._known
        if known is None or len(known.utterance.speech.samples) != len(utterance.speech.samples):
            return None
        return known

    def _learn(self, utterance: Utterance) -> Voice:
        known = self._learned(utterance)
        if known is None:
            known = replace(self._encode(utterance), several=self._watch.hears_several(utterance.speech))
            self._known = known
        return known
