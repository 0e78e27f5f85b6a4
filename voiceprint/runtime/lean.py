"""SpeechBrain's ECAPA-TDNN for one whole clip: the same numbers, without the work that only padded batches need.

Written for export: masks go, layers over single frames are not padded, and what the pooling attends to besides a frame
(mean and deviation of the whole clip, the same for every frame) is multiplied once, not once a frame.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["lean"]

_PACKAGE = "speechbrain.lobes.models.ECAPA_TDNN"


def lean(network: nn.Module) -> nn.Module:
    """A copy for clips without padding; any network that is not SpeechBrain's ECAPA-TDNN is given back as it is."""
    if f"{type(network).__module__}.{type(network).__qualname__}" != f"{_PACKAGE}.ECAPA_TDNN":
        return network
    made: Any = copy.deepcopy(network).eval()
    for layer in made.modules():
        if getattr(layer, "kernel_size", None) == 1 and getattr(layer, "padding", None) == "same":
            layer.padding = "valid"
    if made.asp.global_context:
        made.asp = _Pooling(made.asp)
    result: nn.Module = made
    return result


class _Pooling(nn.Module):
    """Attentive statistics, (1, channels, frames) to (1, 2 channels, 1)."""

    def __init__(self, pooling: Any) -> None:  # noqa: ANN401 - SpeechBrain carries no types
        super().__init__()
        self.eps = pooling.eps
        self.block, self.conv = pooling.tdnn, pooling.conv

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``lengths`` is not looked at: there is no padding."""
        del lengths
        inner, channels = self.block.conv.conv, frames.shape[1]
        mean, deviation = self._statistics(frames, 1 / frames.shape[-1])
        clip = functional.conv1d(torch.cat([mean, deviation], dim=1), inner.weight[:, channels:], inner.bias)
        each = functional.conv1d(frames, inner.weight[:, :channels]) + clip
        attention = functional.softmax(self.conv(torch.tanh(self.block.norm(self.block.activation(each)))), dim=2)
        return torch.cat(self._statistics(frames, attention), dim=1)

    def _statistics(self, frames: Tensor, weights: Tensor | float) -> tuple[Tensor, Tensor]:
        mean = (weights * frames).sum(2, keepdim=True)
        return mean, (weights * (frames - mean).square()).sum(2, keepdim=True).clamp(self.eps).sqrt()
