"""Logistic regression by Newton's method."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["logistic"]

Floats = NDArray[np.float64]


def logistic(x: Floats, y: Floats, share: Floats) -> Floats:
    """Weights (d,) of the log odds that ``y`` is 1; ``x`` (n, d), ``share`` (n,): how much each row counts."""
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -500, 500)))
        slope = x.T @ (share * (p - y)) + 1e-6 * weights
        curve = (x * (share * p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights
