"""A recording that is still being said: its sound is put in by a stream, and read as that of any recording."""

from queue import Queue

import numpy as np

from voiceprint.audio.recording import SAMPLE_RATE, Recording, Waveform
from voiceprint.audio.recording_stream import SoundPiece
from voiceprint.errors import AudioError

__all__ = ["LiveRecording"]

# Sound is read in pieces as long as this.
PIECE_SAMPLES = round(2.5 * SAMPLE_RATE)
# Further behind than this a server does not keep up with what is said.
MOST_BEHIND_SECONDS = 120.0


class LiveRecording:
    """``put`` sound in and ``end`` it, from one thread; ``head``, then ``read``, from another one."""

    decoder_seconds = 0.0  # there is nothing to decode
    outcome = Recording((), 1, 0.0)

    def __init__(self, *, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._queue: Queue[Waveform | None] = Queue()
        self._put_seconds = self._read_seconds = 0.0
        self._closed = self.ended = False

    def put(self, sound: Waveform) -> None:
        """The next of its sound. Raises AudioError: ``audio_too_long``, ``too_far_behind``."""
        self._put_seconds += sound.seconds
        if self._put_seconds > self._max_seconds:
            raise AudioError("audio_too_long", f"A room is heard for {self._max_seconds / 3600:.0f} hours at most.")
        if self._put_seconds - self._read_seconds > MOST_BEHIND_SECONDS:
            raise AudioError("too_far_behind", "The server does not keep up with what is said.")
        if not self._closed:
            self._queue.put(sound)

    def end(self) -> None:
        """There is no more of it."""
        self._closed = True
        self._queue.put(None)

    cut = close = end

    def head(self) -> Recording:
        """The first of its sound. Raises AudioError (``audio_empty``)."""
        piece = self.read()
        if piece is None:
            raise AudioError("audio_empty", "Nothing was said.")
        return Recording.of(piece.channel(1))

    def read(self) -> SoundPiece | None:
        """What comes next, once there is enough of it; None at the end."""
        heard: list[Waveform] = []
        while not self.ended and sum(len(sound.samples) for sound in heard) < PIECE_SAMPLES:
            sound = self._queue.get()
            self.ended = sound is None
            heard += [sound] if sound is not None else []
        if not heard:
            return None
        piece = Waveform(np.concatenate([sound.samples for sound in heard]))
        self._read_seconds += piece.seconds
        return SoundPiece(1, (piece,))
