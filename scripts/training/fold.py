"""Centring and partial whitening, folded into the last linear layer at no cost."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WEIGHT, BIAS = "fc.conv.weight", "fc.conv.bias"
SHRINKAGE = 0.1


def whitening(vectors: NDArray[np.float32], power: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (d,) and symmetric matrix (d, d).

    The total covariance, a tenth shrunk to round, to `power`.
    power 0 leaves the directions as they are, -1/2 whitens fully. The matrix keeps the mean squared length.
    """
    mean = vectors.mean(0, dtype=np.float64)
    centred = vectors - mean
    values, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    shrunk = (1 - SHRINKAGE) * values + SHRINKAGE * values.mean()
    matrix = (axes * shrunk**power) @ axes.T
    return mean, matrix * np.sqrt((centred**2).sum() / ((centred @ matrix) ** 2).sum())


def fold(state: Mapping[str, Tensor], vectors: NDArray[np.float32], power: float) -> dict[str, Tensor]:
    """The weights of centred, partly whitened outputs. `vectors` (n, d): raw outputs."""
    mean, matrix = whitening(vectors, power)
    weight, bias = state[WEIGHT], state[BIAS]
    moved = {k: v.clone() for k, v in state.items()}
    moved[WEIGHT] = torch.from_numpy(matrix @ weight.double().squeeze(-1).numpy()).to(weight.dtype).unsqueeze(-1)
    moved[BIAS] = torch.from_numpy(matrix @ (bias.double().numpy() - mean)).to(bias.dtype)
    return moved
