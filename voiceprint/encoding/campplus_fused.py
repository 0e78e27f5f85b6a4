"""CAM++ for one whole clip: the same numbers with less work, written for export.

Frames are rows, so that each one-dimensional convolution is one matrix product whose weights the runtime packs once.
Normalisation behind a product goes into its weights; before a ReLU only its shift stays. What the masks look at, means
over segments and the clip, is one small product with weights that all layers share.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from voiceprint.campplus import SEGMENT_FRAMES, CAMPPlus

__all__ = ["FusedCAMPPlus"]


class FusedCAMPPlus(nn.Module):
    """The same for one clip without padding, (1, frames, bands) to (1, dimension)."""

    def __init__(self, network: CAMPPlus) -> None:
        super().__init__()
        self.head = network.head
        parts: dict[str, Any] = dict(network.xvector.named_children())
        self.enter = parts.pop("tdnn")
        last = parts.pop("dense")
        numbers = range(1, 1 + sum(name.startswith("block") for name in parts))
        self.blocks = nn.ModuleList(_Block(parts[f"block{number}"], parts[f"transit{number}"]) for number in numbers)
        self.leave = parts["out_nonlinear"]
        scale, shift = _affine(last.nonlinear.batchnorm)
        self.last = _linear(last.linear.weight[:, :, 0] * scale[:, None], shift)

    def forward(self, features: Tensor) -> Tensor:
        frames = self.enter(self.head(features.transpose(1, 2)))[0].T
        segment, context = _segments(frames.shape[0])
        for block in self.blocks:
            frames = block(frames, segment, context)
        frames = self.leave(frames.T[None])[0].T
        mean = frames.mean(0, keepdim=True)
        apart = frames - mean
        deviation = ((apart * apart).sum(0, keepdim=True) / (frames.shape[0] - 1)).sqrt()
        embedding: Tensor = self.last(torch.cat([mean, deviation], dim=1))
        return embedding


class _Block(nn.Module):
    """Dense layers, and the one behind them that halves the channels."""

    def __init__(self, block: nn.Module, transit: Any) -> None:  # noqa: ANN401 - parts by their published names
        super().__init__()
        self.layers = nn.ModuleList(_DenseLayer(layer) for layer in block.children())
        self.leave = _Raised(transit.nonlinear.batchnorm, transit.linear.weight[:, :, 0])

    def forward(self, frames: Tensor, segment: Tensor, context: Tensor) -> Tensor:
        for layer in self.layers:
            frames = torch.cat([frames, layer(frames, segment, context)], dim=1)
        halved: Tensor = self.leave(frames)
        return halved


class _Raised(nn.Module):
    """Normalisation, ReLU and a product with ``weight`` (out, in): frames (frames, in) to (frames, out)."""

    shift: Tensor

    def __init__(self, norm: nn.BatchNorm1d, weight: Tensor, after: nn.BatchNorm1d | None = None) -> None:
        """``after``: a normalisation of what comes out."""
        super().__init__()
        scale, shift = _affine(norm)
        out_scale, out_shift = (torch.ones(()), torch.zeros(len(weight))) if after is None else _affine(after)
        # max(scale x + shift, 0) = |scale| max(sign x + shift / |scale|, 0)
        self.register_buffer("shift", shift / scale.abs())
        self.sign = None if bool((scale > 0).all()) else nn.Parameter(scale.sign())
        self.product = _linear(weight * scale.abs() * out_scale.reshape(-1, 1), out_shift)

    def forward(self, frames: Tensor) -> Tensor:
        signed = frames if self.sign is None else frames * self.sign
        raised: Tensor = self.product(functional.relu(signed + self.shift))
        return raised


class _DenseLayer(nn.Module):
    """What one layer adds: (frames, in) to (frames, growth)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        parts: dict[str, Any] = dict(layer.named_children())
        cam = parts["cam_layer"]
        self.narrow = _Raised(
            parts["nonlinear1"].batchnorm, parts["linear1"].weight[:, :, 0], parts["nonlinear2"].batchnorm
        )
        local = cam.linear_local
        (self.dilation,) = local.dilation
        self.growth = local.out_channels
        # The three taps side by side, to be added where their frames stand.
        self.local = _linear(local.weight.permute(2, 0, 1).flatten(0, 1), None)
        self.inner = _linear(cam.linear1.weight[:, :, 0], cam.linear1.bias)
        self.outer = _linear(cam.linear2.weight[:, :, 0], cam.linear2.bias)

    def forward(self, frames: Tensor, segment: Tensor, context: Tensor) -> Tensor:
        """``segment`` (frames,): that of each frame; ``context`` (segments, frames): weights of the masks' means."""
        narrow = functional.relu(self.narrow(frames))
        mask = torch.sigmoid(self.outer(functional.relu(self.inner(context @ narrow))))
        taps = functional.pad(self.local(narrow), (0, 0, self.dilation, self.dilation))
        by, wide = self.dilation, self.growth
        heard: Tensor = taps[: -2 * by, :wide] + taps[by:-by, wide : 2 * wide] + taps[2 * by :, 2 * wide :]
        return heard * mask[segment]


def _segments(count: int) -> tuple[Tensor, Tensor]:
    """The segment of each frame, and (segments, frames): the mean of each segment plus that of the clip."""
    segment = torch.div(torch.arange(count), SEGMENT_FRAMES, rounding_mode="floor")
    within = (segment[None] == segment[::SEGMENT_FRAMES, None]).float()
    return segment, within / within.sum(1, keepdim=True) + 1 / count


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """What a batch normalisation does to a channel: times the first, plus the second."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = 1 / torch.sqrt(norm.running_var + norm.eps)
    if norm.affine:
        scale = scale * norm.weight
    return scale, (norm.bias if norm.affine else 0) - norm.running_mean * scale


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    made.weight = nn.Parameter(weight.clone())
    if bias is not None:
        made.bias = nn.Parameter(bias.clone())
    return made
