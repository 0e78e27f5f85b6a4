"""The cancelable transform of templates (ISO/IEC 24745): renewed without a new recording.

A secret orthogonal matrix keeps every cosine, so no accuracy is lost. Vectors of two stores, or of one store before and
after a template renewal, cannot be linked without the seed or about as many known pairs as there are dimensions. It is
renewability under the seal, never a replacement for it.
"""

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["transform_matrix"]


@lru_cache(maxsize=4)
def transform_matrix(seed: bytes, dimension: int) -> NDArray[np.float64]:
    """The orthogonal matrix (dimension, dimension) of a seed, the same everywhere to 1e-13.

    QR of a Gaussian matrix with the signs of R made positive is uniform over rotations (Mezzadri 2007). The Gaussians
    come from SHAKE-256, not from a generator whose stream a library may change.
    """
    count = dimension * dimension
    stream = hashlib.shake_256(b"voiceprint rotation 1" + seed).digest(16 * count)
    uniform = (np.frombuffer(stream, "<u8").astype(np.float64) + 0.5) / 2.0**64
    gaussian = np.sqrt(-2.0 * np.log(uniform[:count])) * np.cos(2.0 * np.pi * uniform[count:])
    q, r = np.linalg.qr(gaussian.reshape(dimension, dimension))
    matrix: NDArray[np.float64] = q * np.sign(np.diag(r))
    matrix.flags.writeable = False
    return matrix
