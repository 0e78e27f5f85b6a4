"""The power spectrum that an encoder's mel bands are made of, without torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spectrum"]

Samples = NDArray[np.float32]
# Frames transformed at once: arrays that are so small take memory that is there already; larger ones get new pages from
# the system each time, which costs more than the transform.
BLOCK = 64


@dataclass(frozen=True, slots=True)
class Spectrum:
    """How speech is cut into frames, as the front end that it was read from does it.

    ``window``: float32 (frame,); ``size``: samples of the transform; ``centred``: half a frame of silence stands before
    and after; ``mean_off``: each frame's mean is taken off; ``emphasis``: how much of the sample before is taken off.
    """

    window: Samples
    hop: int
    size: int
    centred: bool = True
    mean_off: bool = False
    emphasis: float = 0.0

    def power(self, samples: Samples) -> NDArray[np.float32]:
        """float32 (frames, size / 2 + 1) of samples (num_samples,)."""
        if self.centred:
            samples = np.pad(samples, len(self.window) // 2)
        frames = np.lib.stride_tricks.sliding_window_view(samples, len(self.window))[:: self.hop]
        power = np.empty((len(frames), self.size // 2 + 1), np.float32)
        for at in range(0, len(frames), BLOCK):
            spectrum = np.fft.rfft(self._shaped(frames[at : at + BLOCK]), self.size)
            power[at : at + BLOCK] = spectrum.real**2 + spectrum.imag**2
        return power

    def _shaped(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.mean_off:
            frames = (frames - frames.mean(1, keepdims=True)).astype(np.float32, copy=False)
        if self.emphasis:
            before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
            frames = (frames - np.float32(self.emphasis) * before).astype(np.float32, copy=False)
        shaped: NDArray[np.float32] = frames * self.window
        return shaped
