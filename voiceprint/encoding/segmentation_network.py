"""The network of pyannote segmentation-3.0: SincNet, LSTM, and a powerset of speakers. Needs torch.

Sources: Ravanelli and Bengio, "Speaker Recognition from Raw Waveform with SincNet", SLT 2018; Pariente et al.,
"Filterbank design for end-to-end speech separation", ICASSP 2020 (each band in two phases); Plaquet and Bredin,
"Powerset multi-class cross entropy loss for neural speaker diarization", Interspeech 2023.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SegmentationNetwork"]

_LOWEST_HZ = _NARROWEST_HZ = 50.0
_SAMPLE_RATE = 16_000
_STRIDE, _POOL = 10, 3
_BANDS, _CHANNELS, _HIDDEN, _CLASSES = 40, 60, 128, 7
# Names in the checkpoint that are ours by another word.
_RENAMED = {"conv1d.0.filterbank.low_hz_": "bands.low", "conv1d.0.filterbank.band_hz_": "bands.width"}
_RENAMED |= {"conv1d.0.filterbank.window_": "bands.half_window", "conv1d.0.filterbank.n_": "bands.half_time"}


class _SincBands(nn.Module):
    """Band-pass filters, each given by its lowest frequency and its width: an even and an odd one a band."""

    def __init__(self) -> None:
        super().__init__()
        self.low = nn.Parameter(torch.zeros(_BANDS, 1))
        self.width = nn.Parameter(torch.zeros(_BANDS, 1))
        self.register_buffer("half_window", torch.zeros(125))
        self.register_buffer("half_time", torch.zeros(1, 125))  # angle in radians a Hz; negative, without its middle

    def filters(self) -> Tensor:
        """(bands x 2, 1, 251)."""
        low = _LOWEST_HZ + self.low.abs()
        high = (low + _NARROWEST_HZ + self.width.abs()).clamp(_LOWEST_HZ, _SAMPLE_RATE / 2)
        half_time, half_window = self.get_buffer("half_time"), self.get_buffer("half_window")
        below, above = low @ half_time, high @ half_time
        even = (above.sin() - below.sin()) / (half_time / 2) * half_window
        odd = (below.cos() - above.cos()) / (half_time / 2) * half_window
        middle = 2 * (high - low)
        whole = torch.cat(
            [
                torch.cat([even, middle, even.flip(1)], 1),
                torch.cat([odd, torch.zeros_like(middle), -odd.flip(1)], 1),
            ]
        )
        return (whole / middle.repeat(2, 1)).unsqueeze(1)

    def forward(self, samples: Tensor) -> Tensor:
        return functional.conv1d(samples, self.filters(), stride=_STRIDE).abs()


class _SincNet(nn.Module):
    """Samples (n, 1, samples) to features (n, 60, frames)."""

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.bands = _SincBands()
        self.conv1d = nn.ModuleDict({"1": nn.Conv1d(2 * _BANDS, _CHANNELS, 5), "2": nn.Conv1d(_CHANNELS, _CHANNELS, 5)})
        self.norm1d = nn.ModuleList(nn.InstanceNorm1d(size, affine=True) for size in (2 * _BANDS, _CHANNELS, _CHANNELS))

    def forward(self, samples: Tensor) -> Tensor:
        features: Tensor = self.wav_norm1d(samples)
        for filters, norm in zip((self.bands, *self.conv1d.values()), self.norm1d, strict=True):
            features = functional.leaky_relu(norm(functional.max_pool1d(filters(features), _POOL)))
        return features


class SegmentationNetwork(nn.Module):
    """Samples (n, 1, samples) at 16 kHz to log probabilities (n, frames, 7) of the sets of speakers."""

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = _SincNet()
        self.lstm = nn.LSTM(_CHANNELS, _HIDDEN, num_layers=4, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(2 * _HIDDEN, _HIDDEN), nn.Linear(_HIDDEN, _HIDDEN)])
        self.classifier = nn.Linear(_HIDDEN, _CLASSES)

    @classmethod
    def of(cls, weights: "Mapping[str, Tensor]") -> "SegmentationNetwork":
        """The network with the weights of the checkpoint. Raises RuntimeError where they are others."""
        network = cls()
        network.load_state_dict({_renamed(name): weight for name, weight in weights.items()})
        return network.eval()

    def forward(self, samples: Tensor) -> Tensor:
        features: Tensor = self.lstm(self.sincnet(samples).transpose(1, 2))[0]
        for layer in self.linear:
            features = functional.leaky_relu(layer(features))
        return functional.log_softmax(self.classifier(features), dim=-1)


def _renamed(name: str) -> str:
    part = name.removeprefix("sincnet.")
    return f"sincnet.{_RENAMED[part]}" if part in _RENAMED else name
