"""From the probability of speech in each frame to spans of speech. Pure: no audio, no model, no clock."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["FRAME_SAMPLES", "FRAME_SECONDS", "PAD_FRAMES", "Segment", "Segmenter", "Step"]

FRAME_SAMPLES = 512
FRAME_SECONDS = FRAME_SAMPLES / 16_000
ENTER, LEAVE = 0.5, 0.35
# A sound shorter than this is no speech: a cough, a click, a door.
MIN_SPEECH_FRAMES = 8
# A pause shorter than this belongs to the speech around it.
MIN_SILENCE_FRAMES = 10
# What is kept before the first and after the last frame of speech, because words begin and end softly.
PAD_FRAMES = 2


@dataclass(frozen=True, slots=True)
class Segment:
    """A span of speech, in seconds from the beginning of the audio."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


Step = Literal["silence", "maybe", "started", "speech", "pause", "stopped", "dropped"]


class Segmenter:
    """One step a frame; what comes out says what to do with that frame.

    ``silence`` and ``maybe`` (speech may have begun) lead to ``started`` or back by ``dropped``; within speech come
    ``speech`` and ``pause`` (it may have ended), until ``stopped``.
    """

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self._frame = 0
        self._start: int | None = None
        self._confirmed = False
        self._loud = 0
        self._quiet = 0

    @property
    def in_speech(self) -> bool:
        """Whether speech has begun, for certain, and has not stopped."""
        return self._confirmed

    @property
    def open_segment(self) -> Segment | None:
        """The span that has not stopped yet, as far as it is known."""
        if self._start is None or not self._confirmed:
            return None
        return self._span(self._start, self._frame - max(0, self._quiet - PAD_FRAMES))

    def push(self, probability: float) -> Step:
        """Take in the next frame."""
        self._frame += 1
        if self._start is None:
            if probability < ENTER:
                return "silence"
            self._start = self._frame - 1
            self._loud, self._quiet = 1, 0
            return "maybe"
        if probability < LEAVE:
            self._quiet += 1
            return self._stop() if self._quiet >= MIN_SILENCE_FRAMES else self._waiting()
        self._quiet = 0
        self._loud += 1
        if self._confirmed:
            return "speech"
        if self._loud >= MIN_SPEECH_FRAMES:
            self._confirmed = True
            return "started"
        return "maybe"

    def finish(self) -> Step:
        """The audio has ended."""
        return "silence" if self._start is None else self._stop()

    def _waiting(self) -> Step:
        return "pause" if self._confirmed else "maybe"

    def _stop(self) -> Step:
        confirmed, start = self._confirmed, self._start
        end = self._frame - max(0, self._quiet - PAD_FRAMES)
        self._start, self._confirmed, self._quiet = None, False, 0
        if not confirmed or start is None:
            return "dropped"
        self.segments.append(self._span(start, end))
        return "stopped"

    def _span(self, start: int, end: int) -> Segment:
        earliest = round(self.segments[-1].end / FRAME_SECONDS) if self.segments else 0
        return Segment(max(earliest, start - PAD_FRAMES) * FRAME_SECONDS, end * FRAME_SECONDS)
