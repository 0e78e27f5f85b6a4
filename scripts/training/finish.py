"""The curves of a run."""

import importlib
import json
from pathlib import Path

# Numbers of a checkpoint that are no error rates.
BESIDE = ("cosine", "apart_same", "apart_other")


def draw(history: Path, picture: Path) -> None:
    """Loss and equal error rates on held-out speakers over the steps, as a PNG."""
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot = importlib.import_module("matplotlib.pyplot")

    lines = [json.loads(line) for line in history.read_text().splitlines()]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    for name in ("distance", "divergence", "frames"):
        points = [(line["step"], line[name]) for line in lines if name in line]
        left.plot(*zip(*points, strict=True), label=name)
    for name in sorted({k for line in lines for k in line if "/" in k and k.split("/")[1] not in BESIDE}):
        points = [(line["step"], 100 * line[name]) for line in lines if name in line]
        right.plot(*zip(*points, strict=True), label=name)
    left.set(title="training loss, degraded crops", xlabel="step")
    right.set(title="equal error rate, held-out speakers, %", xlabel="step", ylim=(0, None))
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
