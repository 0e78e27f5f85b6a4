"""SpeechBrain's ECAPA-TDNN for one whole clip: the same numbers, without the work that only padded batches need.

Written for export. Masks go. Frames are rows, so that each convolution is one matrix product whose weights the runtime
packs once. Normalisation behind a ReLU goes into the weights: its scale (made positive) through the ReLU into the layer
itself, its shift into whatever layer comes next. What the pooling attends to besides a frame (mean and deviation
of the whole clip, the same for every frame) is multiplied once, not once a frame.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["lean"]

_PACKAGE = "speechbrain.lobes.models.ECAPA_TDNN"


def lean(network: nn.Module) -> nn.Module:
    """The same for one clip without padding, (1, frames, features) to (dimension,); any network that is not
    SpeechBrain's ECAPA-TDNN as it is commonly built is given back unchanged.
    """
    with torch.no_grad():
        return _Network(network).eval() if _is_plain_ecapa(network) else network


def _is_plain_ecapa(network: Any) -> bool:  # noqa: ANN401 - SpeechBrain carries no types
    if f"{type(network).__module__}.{type(network).__qualname__}" != f"{_PACKAGE}.ECAPA_TDNN":
        return False
    layers = [layer for layer in network.modules() if type(layer).__name__ == "TDNNBlock"]
    return (
        network.asp.global_context
        and all(block.shortcut is None for block in network.blocks[1:])
        and all(isinstance(layer.activation, nn.ReLU) for layer in layers)
        and all(layer.conv.padding_mode == "reflect" for layer in layers)
        and all(layer.conv.conv.groups == 1 and layer.conv.conv.stride == (1,) for layer in layers)
    )


class _Network(nn.Module):
    def __init__(self, network: Any) -> None:  # noqa: ANN401
        super().__init__()
        first, *blocks = network.blocks
        self.first = _Layer(first)
        self.blocks = nn.ModuleList(_Block(block) for block in blocks)
        self.gather = _Layer(network.mfa)
        self.pooling = _Pooling(network.asp, self.gather.shift)
        scale, shift = _affine(network.asp_bn)
        weight, bias = network.fc.conv.weight[:, :, 0], network.fc.conv.bias
        self.last = _linear(weight * scale, bias + weight @ shift)

    def forward(self, features: Tensor) -> Tensor:
        frames = features[0]
        count = frames.shape[0]
        evenly = torch.ones(1, count) / count
        frames = self.first(frames, self.first.places(count)) + self.first.shift
        found = []
        for block in self.blocks:
            frames = block(frames, evenly)
            found.append(frames)
        embedding: Tensor = self.last(self.pooling(self.gather(torch.cat(found, dim=1)), evenly))
        return embedding


class _Layer(nn.Module):
    """Convolution, ReLU and normalisation of frames (frames, in), but for ``shift`` (out,), still to be added.
    ``before`` (in,): what has still to be added to the frames that come in.
    """

    shift: Tensor
    offsets: Tensor

    def __init__(self, block: Any, before: Tensor | None = None) -> None:  # noqa: ANN401
        super().__init__()
        convolution = block.conv.conv
        weight = convolution.weight
        bias = convolution.bias if before is None else convolution.bias + weight.sum(2) @ before
        scale, shift = _affine(block.norm)
        # Rows of one frame after the other, as ``places`` puts them side by side.
        rows = weight.permute(0, 2, 1).flatten(1)
        self.product = _linear(rows * scale.abs()[:, None], bias * scale.abs())
        self.register_buffer("shift", shift)
        self.sign = None if bool((scale >= 0).all()) else nn.Parameter(scale.sign())
        (width,), (dilation,) = convolution.kernel_size, convolution.dilation
        self.register_buffer("offsets", dilation * (torch.arange(width) - width // 2))

    def places(self, count: int) -> Tensor:
        """Which of ``count`` frames stand beside each, (count, width): beyond the ends the frames are mirrored."""
        places = (torch.arange(count)[:, None] + self.offsets).abs()
        return (count - 1) - ((count - 1) - places).abs()

    def forward(self, frames: Tensor, places: Tensor | None = None) -> Tensor:
        """``places``: as above, None where a frame is looked at alone."""
        raised = functional.relu(self.product(frames if places is None else frames[places].flatten(1)))
        return raised if self.sign is None else raised * self.sign


class _Block(nn.Module):
    """Three layers, the middle one in steps over parts of the channels, with a gate and what came in added."""

    def __init__(self, block: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.enter = _Layer(block.tdnn1)
        shifts = list(self.enter.shift.chunk(block.res2net_block.scale))
        steps: list[_Layer] = []
        for number, step in enumerate(block.res2net_block.blocks, start=1):
            before = shifts[number] if number == 1 else shifts[number] + shifts[number - 1]
            layer = _Layer(step, before)
            steps.append(layer)
            shifts[number] = layer.shift
        self.steps = nn.ModuleList(steps)
        self._beside = steps[0].places
        self.widths = [len(shift) for shift in shifts]
        self.leave = _Layer(block.tdnn2, torch.cat(shifts))
        inner, outer = block.se_block.conv1.conv, block.se_block.conv2.conv
        self.squeeze = _linear(inner.weight[:, :, 0], inner.bias)
        self.excite = _linear(outer.weight[:, :, 0], outer.bias)

    def forward(self, came: Tensor, evenly: Tensor) -> Tensor:
        """``evenly`` (1, frames): what each frame counts for in their mean."""
        first, *parts = self.enter(came).split(self.widths, dim=1)
        done, places = [first], self._beside(came.shape[0])
        for number, (step, part) in enumerate(zip(self.steps, parts, strict=True)):
            done.append(step(part if number == 0 else part + done[-1], places))
        frames: Tensor = self.leave(torch.cat(done, dim=1)) + self.leave.shift
        gate = torch.sigmoid(self.excite(functional.relu(self.squeeze(evenly @ frames))))
        return frames * gate + came


class _Pooling(nn.Module):
    """Attentive statistics, (frames, channels) to (1, 2 channels). ``before``: as for a layer."""

    before: Tensor

    def __init__(self, pooling: Any, before: Tensor) -> None:  # noqa: ANN401
        super().__init__()
        self.eps = pooling.eps
        self.register_buffer("before", before)
        convolution, channels = pooling.tdnn.conv.conv, len(before)
        weight = convolution.weight[:, :, 0]
        scale, shift = _affine(pooling.tdnn.norm)
        self.each = nn.Parameter(weight[:, :channels].T.contiguous())
        self.clip = _linear(weight[:, channels:], convolution.bias + weight[:, :channels] @ before)
        self.scale, self.shift = nn.Parameter(scale), nn.Parameter(shift)
        # Its bias is the same for all frames, and attention only compares frames.
        self.attend = nn.Parameter(pooling.conv.conv.weight[:, :, 0].T.contiguous())

    def forward(self, frames: Tensor, evenly: Tensor) -> Tensor:
        mean = evenly @ frames
        apart = frames - mean
        square = apart * apart
        clip = self.clip(torch.cat([mean + self.before, self._root(evenly @ square)], dim=1))
        inner = functional.relu(frames @ self.each + clip) * self.scale + self.shift
        heights = torch.tanh(inner) @ self.attend
        attention = torch.exp(heights - heights.amax(0, keepdim=True))  # softmax itself is slow along this axis
        whole = attention.sum(0, keepdim=True)
        moved = (attention * apart).sum(0, keepdim=True) / whole
        spread = (attention * square).sum(0, keepdim=True) / whole - moved * moved
        return torch.cat([mean + self.before + moved, self._root(spread)], dim=1)

    def _root(self, variance: Tensor) -> Tensor:
        return variance.clamp(self.eps).sqrt()


def _affine(norm: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """What a batch normalisation does to a channel: times the first, plus the second."""
    inner = norm.norm
    scale = inner.weight / torch.sqrt(inner.running_var + inner.eps)
    return scale, inner.bias - inner.running_mean * scale


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0])
    made.weight, made.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
    return made
