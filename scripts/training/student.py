"""The student: a small ECAPA-TDNN (arXiv 2005.07143) of SpeechBrain, on 32 ms bands.

The bands come every 16 ms, so that a crop has few frames.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from voiceprint.encoding.model_folder import write_sums
from voiceprint.encoding.torchaudio_compat import import_torchaudio

CHANNELS = (256, 256, 256, 256, 512)
ATTENTION_CHANNELS = 64
DIMENSION = 192
BANDS = 80


def network(channels: Sequence[int] = CHANNELS, attention_channels: int = ATTENTION_CHANNELS) -> torch.nn.Module:
    """An untrained network of the bundled shape: (batch, frames, 80) to (batch, 1, 192)."""
    import_torchaudio()  # before SpeechBrain looks for it
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    module: torch.nn.Module = ECAPA_TDNN(
        input_size=BANDS,
        channels=list(channels),
        kernel_sizes=[5, 3, 3, 3, 1],
        dilations=[1, 2, 3, 4, 1],
        attention_channels=attention_channels,
        lin_neurons=DIMENSION,
    )
    return module


class Student(torch.nn.Module):
    """The network, and a layer for the training only that tells the teacher's frames from its last ones."""

    def __init__(self, network: torch.nn.Module, teacher_channels: int) -> None:
        super().__init__()
        self.network = network
        last: Any = network.mfa
        last.register_forward_hook(self._keep)
        self.tell = torch.nn.Conv1d(last.conv.conv.out_channels, teacher_channels, 1)

    def _keep(self, _: torch.nn.Module, __: Any, frames: Tensor) -> None:  # noqa: ANN401 - torch's hook
        self.last = frames

    def forward(self, bands: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (batch, 192) and the teacher's frames as it tells them (batch, teacher_channels, frames)."""
        vectors = self.network(bands).squeeze(1)
        return vectors, self.tell(self.last)

    def embed(self, bands: Tensor) -> Tensor:
        """The vectors alone."""
        vectors: Tensor = self.network(bands).squeeze(1)
        return vectors


class Features:
    """Log mel bands (batch, frames, 80), mean of the clip removed, as in the model folder."""

    def __init__(self) -> None:
        import_torchaudio()
        from speechbrain.lobes.features import Fbank

        self._bands = Fbank(n_mels=BANDS, n_fft=512, win_length=32, hop_length=16)

    def __call__(self, waves: Tensor) -> Tensor:
        with torch.no_grad():
            bands: Tensor = self._bands(waves)
            return bands - bands.mean(1, keepdim=True)


def mask(features: Tensor, generator: torch.Generator) -> Tensor:
    """SpecAugment (arXiv 1904.08779) on half of the clips.

    Up to 8 bands and a tenth of the frames set to the mean.
    """
    features = features.clone()
    batch, frames, bands = features.shape
    draws = torch.rand(batch, 5, generator=generator)
    for row, (chance, band, band_width, frame, frame_width) in zip(features, draws.tolist(), strict=True):
        if chance < 0.5:
            start = int(band * (bands - 8))
            row[:, start : start + 1 + int(band_width * 8)] = 0
            start = int(frame * frames * 0.9)
            row[start : start + int(frame_width * frames * 0.1)] = 0
    return features


def load_weights(module: torch.nn.Module, folder: Path) -> None:
    """Take the weights of a model folder."""
    module.load_state_dict(torch.load(folder / "embedding_model.ckpt", map_location="cpu", weights_only=True))


def network_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's weights, of those of a ``Student``."""
    return {name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")}


def save_folder(state: Mapping[str, Tensor], folder: Path, template: Path) -> None:
    """Write a network's weights in the format of the folder `template`, without a model card."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template / "hyperparams.yaml", folder / "hyperparams.yaml")
    torch.save(dict(state), folder / "embedding_model.ckpt")
    write_sums(folder)
