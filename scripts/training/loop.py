"""The training loop, with checkpoints that a kill cannot break and that resume the same run."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from .batches import Batch, Batches
from .data import FRAME_SCALE
from .losses import angular_margin, distillation, frame_distance
from .student import Features, Student, mask
from .watch import Watched, embed_all, rates

LOSSES = ("loss", "distance", "divergence", "frames", "margin")


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings of a run. The learning rate falls to zero over the last `decay` of `steps`."""

    steps: int
    decay: int
    rate: float = 1e-3
    warmup: int = 150
    divergence: float = 0.2
    frames: float = 0.5  # weight of the teacher's frames
    margin: float = 0.0  # weight of the angular margin; 0 for none
    weight_decay: float = 0.02
    smoothing: float = 0.998  # of the running mean of the weights, which is what is kept in the end
    every: int = 250  # steps between checkpoints
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        left = min(1.0, (self.steps - step) / max(self.decay, 1))
        return self.rate * min(1.0, (step + 1) / self.warmup) * left


@dataclass
class Run:
    """The content of a checkpoint."""

    network: Student
    optimizer: torch.optim.Optimizer
    mean: dict[str, Tensor]
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def start(cls, network: Student, plan: Plan) -> "Run":
        optimizer = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=plan.weight_decay)
        return cls(network, optimizer, {k: v.clone() for k, v in network.state_dict().items()})

    def save(self, path: Path) -> None:
        """Write beside the checkpoint and move it into place, so that there is always a whole one."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "mean": self.mean,
            "step": self.step,
            "history": self.history,
        }
        partial = path.with_name(path.name + ".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        device = device_of(self.network)
        self.mean = {k: v.to(device) for k, v in state["mean"].items()}
        self.step, self.history = state["step"], state["history"]


def train(
    run: Run, batches: Batches, plan: Plan, until: int, compiled: bool = False, workers: int = 1
) -> Iterator[dict[str, float]]:
    """The losses of every step, trained up to step `until`."""
    features = Features()
    forward: Any = torch.compile(run.network, dynamic=False) if compiled else run.network
    device = device_of(run.network)
    centres = torch.as_tensor(batches.centres).to(device)
    mean = torch.as_tensor(batches.mean).to(device)
    run.network.train()
    for batch in _loaded(batches, run.step, until, workers):
        for group in run.optimizer.param_groups:
            group["lr"] = plan.rate_at(run.step)
        generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + run.step)
        parts = (batch.waves, batch.target, batch.bank, batch.frames)
        waves, target, bank, frames = (torch.as_tensor(part).to(device) for part in parts)
        bands = mask(features(waves), generator)
        with torch.autocast(device.type, torch.bfloat16):
            vectors, told = forward(bands)
        losses = [*distillation(vectors.float(), target, mean, bank, plan.divergence), frame_distance(told, frames)]
        losses[0] = losses[0] + plan.frames * losses[-1]
        if plan.margin:
            label = torch.as_tensor(batch.label).to(device)
            losses.append(angular_margin(vectors.float() - mean, label, centres))
            losses[0] = losses[0] + plan.margin * losses[-1]
        run.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(losses[0])
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
        run.optimizer.step()
        run.step += 1
        _smooth(run, plan.smoothing)
        yield dict(zip(LOSSES, (float(x.detach()) for x in losses), strict=False))


def device_of(network: torch.nn.Module) -> torch.device:
    """The device of the weights."""
    return next(network.parameters()).device


def _loaded(batches: Batches, start: int, until: int, workers: int) -> Iterator[Batch]:
    if workers == 0:
        yield from (batches[step] for step in range(start, until))
        return
    steps: Any = Subset(cast("Dataset[Batch]", batches), range(start, until))
    yield from DataLoader(
        steps, batch_size=None, shuffle=False, num_workers=workers, prefetch_factor=4, collate_fn=_same
    )


def _same(batch: Any) -> Any:  # noqa: ANN401 - the loader's own type is a list
    return batch


def _smooth(run: Run, keep: float) -> None:
    # Early on the running mean would be mostly the weights before the first step.
    keep = min(keep, (1 + run.step) / (10 + run.step))
    with torch.no_grad():
        for name, value in run.network.state_dict().items():
            if value.is_floating_point():
                run.mean[name].lerp_(value, 1 - keep)
            else:
                run.mean[name].copy_(value)


def evaluate(network: Student, state: dict[str, Tensor], sets: dict[str, Watched]) -> dict[str, float]:
    """What these weights do on the watched sets; the network keeps its own weights."""
    features, device = Features(), device_of(network)
    own = {k: v.clone() for k, v in network.state_dict().items()}
    network.load_state_dict(state)
    network.eval()
    found: dict[str, float] = {}
    for name, watched in sets.items():
        vectors = embed_all(watched.waves, lambda w: network.embed(features(w.to(device))))
        found |= {f"{name}/{k}": v for k, v in rates(vectors, watched).items() if not math.isnan(v)}
    network.load_state_dict(own)
    network.train()
    return found


def fit_last_layers(network: Student, batches: Batches, count: int = 40) -> None:
    """Set the last linear layer, and the one that tells the teacher's frames, to ridge solutions from their inputs."""
    features, device = Features(), device_of(network)
    inner: Any = network.network
    pooled: list[Tensor] = []
    hook = inner.fc.register_forward_hook(lambda _, inputs, __: pooled.append(inputs[0].squeeze(-1)))
    network.eval()
    last, wanted, targets = [], [], []
    with torch.inference_mode():
        for step in range(count):
            batch = batches[10_000_000 + step]
            network.embed(features(torch.as_tensor(batch.waves).to(device)))
            last.append(_rows(network.last.transpose(1, 2)).cpu())
            wanted.append(_rows(torch.as_tensor(batch.frames).float() / FRAME_SCALE))
            targets.append(torch.as_tensor(batch.target))
    hook.remove()
    _set_ridge(inner.fc.conv, torch.cat(pooled).cpu(), torch.cat(targets), 1e-2)
    _set_ridge(network.tell, torch.cat(last), torch.cat(wanted), 1e-3)
    network.train()


def _rows(frames: Tensor) -> Tensor:
    """Every fourth frame of (batch, frames, channels): neighbours say nearly the same."""
    return frames.flatten(0, 1)[::4]


def _set_ridge(layer: torch.nn.Conv1d, inputs: Tensor, target: Tensor, ridge: float) -> None:
    inputs, target = inputs.double(), target.double()
    middle = inputs.mean(0)
    centred = inputs - middle
    scatter = centred.T @ centred / len(centred)
    penalty = ridge * scatter.diagonal().mean() * torch.eye(len(scatter), dtype=scatter.dtype)
    weight = torch.linalg.solve(scatter + penalty, centred.T @ (target - target.mean(0)) / len(centred))
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.copy_(weight.T[:, :, None])
        layer.bias.copy_(target.mean(0) - middle @ weight)


def write_history(run: Run, path: Path) -> None:
    """The history as lines of JSON, one a checkpoint."""
    path.write_text("".join(json.dumps(line) + "\n" for line in run.history))


def mean_of(lines: list[dict[str, float]]) -> dict[str, float]:
    """The mean of every loss over some steps."""
    return {k: float(np.mean([line[k] for line in lines])) for k in lines[0]} if lines else {}
