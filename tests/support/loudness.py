"""A segmentation without weights."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["LoudnessSegmentation"]

Samples = NDArray[np.float32]


class LoudnessSegmentation:
    """One speaker wherever it is loud."""

    def probabilities(self, windows: Samples) -> Samples:
        frames = max(1, (windows.shape[1] - 991) // 270 + 1)
        smooth = np.stack([np.convolve(row**2, np.full(4000, 1 / 4000), mode="same") for row in windows])
        loud = smooth[:, 360 : 360 + frames * 270 : 270][:, :frames] > 1e-5
        heard = np.zeros((len(windows), loud.shape[1], 7), np.float32)
        heard[..., 0], heard[..., 1] = ~loud, loud
        return heard
