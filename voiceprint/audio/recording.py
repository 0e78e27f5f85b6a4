"""A recording as it was decoded: tracks of channels, and what is to be said about it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.vocabulary import Notice

__all__ = ["SAMPLE_RATE", "Recording", "Track", "Waveform"]

SAMPLE_RATE = 16_000
# What was lost is said from here on: a damaged header in between costs a frame and nothing of what was spoken.
MIN_LOST_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Waveform:
    """``samples``: float32 (num_samples,), mono, 16 kHz, in [-1, 1]."""

    samples: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Track:
    """``number``: counted from 1 among the audio tracks of the file; ``channels``: one at least, of one length."""

    number: int
    channels: tuple[Waveform, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """``tracks``: one at least. ``audio_tracks``: how many the file has. ``lost_seconds``: what did not decode.
    ``more_than_said``: the header said that less is there.
    """

    tracks: tuple[Track, ...]
    audio_tracks: int = 1
    lost_seconds: float = 0.0
    more_than_said: bool = False

    @classmethod
    def of(cls, waveform: Waveform) -> "Recording":
        """One track of one channel."""
        return cls((Track(1, (waveform,)),))

    @property
    def seconds(self) -> float:
        """Of its longest track."""
        return max(track.channels[0].seconds for track in self.tracks)

    @property
    def first(self) -> Waveform:
        """The first channel of the first track."""
        return self.tracks[0].channels[0]

    def warnings(self) -> tuple[Notice, ...]:
        """What was wrong with the file."""
        said = []
        if self.lost_seconds >= MIN_LOST_SECONDS:
            lost = f"{self.lost_seconds:.1f} s of the recording are damaged or missing and were left out."
            said.append(Notice(code="part_lost", message=lost))
        if self.more_than_said:
            more = "The recording holds more than its header says; all of it was heard."
            said.append(Notice(code="wrong_header", message=more))
        return tuple(said)
