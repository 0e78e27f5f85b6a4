"""Model folder of the last checkpoint, with the fold that is best on held-out speakers."""

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .batches import share
from .data import SAMPLE_RATE, Shard
from .fold import fold
from .loop import evaluate
from .student import Features
from .watch import Watched, embed_all

POWERS = (0.0, -0.1, -0.2, -0.25, -0.3, -0.4)


def training_vectors(
    network: torch.nn.Module, state: Mapping[str, Tensor], shards: Sequence[Shard], count: int = 4000, seed: int = 0
) -> NDArray[np.float32]:
    """Raw vectors (about `count`, 192) of clean 2.2 s training pieces, corpora at their shares."""
    rng = np.random.default_rng(seed)
    plain = [s for s in shards if s.name.endswith("s1.00f1.00")]
    whole = sum(share(s.name.split("-")[0]) for s in plain)
    features, samples = Features(), round(2.2 * SAMPLE_RATE)
    network.load_state_dict(dict(state))
    network.eval()
    rows = []
    for shard in plain:
        able = np.flatnonzero(~shard.held)
        chosen = rng.choice(able, min(len(able), round(count * share(shard.name.split("-")[0]) / whole)), replace=False)
        waves = np.stack([shard.waves[shard.starts[i] : shard.starts[i] + samples] for i in chosen])
        rows.append(embed_all(waves.astype(np.float32) / np.float32(32767), lambda w: network(features(w)).squeeze(1)))
    return np.concatenate(rows)


def best_fold(
    network: torch.nn.Module, state: Mapping[str, Tensor], shards: Sequence[Shard], sets: dict[str, Watched]
) -> tuple[dict[str, Tensor], dict[float, dict[str, float]]]:
    """The folded weights of lowest mean equal error rate on the watched sets, and all rates."""
    vectors = training_vectors(network, state, shards)
    folded = {power: fold(state, vectors, power) for power in POWERS}
    found = {power: evaluate(network, weights, sets) for power, weights in folded.items()}
    best = min(found, key=lambda power: float(np.mean(list(found[power].values()))))
    return folded[best], found


def draw(history: Path, picture: Path) -> None:
    """Loss and equal error rates on held-out speakers over the steps, as a PNG."""
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot = importlib.import_module("matplotlib.pyplot")

    lines = [json.loads(line) for line in history.read_text().splitlines()]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    for name in ("distance", "divergence"):
        points = [(line["step"], line[name]) for line in lines if name in line]
        left.plot(*zip(*points, strict=True), label=name)
    for name in sorted({k for line in lines for k in line if "/" in k}):
        points = [(line["step"], 100 * line[name]) for line in lines if name in line]
        right.plot(*zip(*points, strict=True), label=name)
    left.set(title="training loss, degraded crops", xlabel="step")
    right.set(title="equal error rate, held-out speakers, %", xlabel="step", ylim=(0, None))
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
