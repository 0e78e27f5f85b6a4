"""The teacher: CAM++ (arXiv 2303.00332), 3D-Speaker's zh-en common model, from its fetched model folder.

Its last layers are a mean and a deviation over the frames and one linear layer. What stands before them, 512 numbers
every 20 ms, is kept for each piece: any crop's own vector comes from them at no cost, and the student can be asked for
them frame by frame. Converted once to OpenVINO in bfloat16, one model for each piece length: 29 ms for 5 s on one core.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voiceprint.campplus import CAMPPlus, KaldiFbank

from .data import FRAME_SCALE, PIECE_SECONDS, SAMPLE_RATE, Frames, Wave

BANDS = 80


@dataclass(frozen=True, slots=True)
class Head:
    """The teacher's last layer: weight (dimension, 2 channels), bias (dimension,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, frames: Frames) -> NDArray[np.float32]:
        """The vector (dimension,) of frames (num_frames, channels) in steps of 1 / FRAME_SCALE."""
        real = frames.astype(np.float32) / FRAME_SCALE
        return np.asarray(self.weight @ np.concatenate([real.mean(0), real.std(0, ddof=1)]) + self.bias, np.float32)

    @property
    def channels(self) -> int:
        """Numbers in a frame."""
        return len(self.weight[0]) // 2

    def save(self, path: Path) -> None:
        """Write it as a NumPy archive."""
        np.savez(path, weight=self.weight, bias=self.bias)

    @classmethod
    def load(cls, path: Path) -> "Head":
        """Read what ``save`` wrote."""
        with np.load(path) as kept:
            return cls(kept["weight"], kept["bias"])


def load_network(folder: Path) -> CAMPPlus:
    """CAM++ from a fetched model folder."""
    network = CAMPPlus()
    network.load_state_dict(torch.load(folder / "embedding_model.ckpt", map_location="cpu", weights_only=True))
    return network.eval()


def head_of(network: CAMPPlus) -> Head:
    """The last linear layer with its normalisation put into its weights."""
    dense: Any = network.xvector.dense
    norm = dense.nonlinear.batchnorm
    scale = 1 / torch.sqrt(norm.running_var + norm.eps)
    weight = dense.linear.weight[:, :, 0] * scale[:, None]
    return Head(weight.detach().numpy(), (-norm.running_mean * scale).detach().numpy())


class _Body(torch.nn.Module):
    """All before the statistics: bands (1, frames, 80) to (1, half the frames, 512)."""

    def __init__(self, network: CAMPPlus) -> None:
        super().__init__()
        self.front, self.layers = network.head, torch.nn.ModuleList()
        for name, layer in network.xvector.named_children():
            if name == "stats":
                break
            self.layers.append(layer)

    def forward(self, bands: Tensor) -> Tensor:
        frames: Tensor = self.front(bands.transpose(1, 2))
        for layer in self.layers:
            frames = layer(frames)
        return frames.transpose(1, 2)


class Teacher:
    """Frames (num_frames, 512) of pieces, uint8. Keeps its converted models in `folder`."""

    def __init__(self, weights: Path, folder: Path, threads: int = 1) -> None:
        self._openvino = importlib.import_module("openvino")
        self._fbank = KaldiFbank()
        network = load_network(weights)
        self.head, self._body = head_of(network), _Body(network).eval()
        self._core = self._openvino.Core()
        self._core.set_property(
            "CPU", {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
        )
        self._models = {round(s * SAMPLE_RATE): self._model(folder, s) for s in PIECE_SECONDS}

    def _model(self, folder: Path, seconds: float) -> Any:  # noqa: ANN401 - openvino ships no types
        path = folder / f"campplus-frames-{seconds:.1f}s.xml"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            example = self._bands(np.ones(round(seconds * SAMPLE_RATE), np.float32))
            model = self._openvino.convert_model(self._body, example_input=example, input=list(example.shape))
            self._openvino.save_model(model, path)
        return self._core.compile_model(path, "CPU")

    def _bands(self, piece: Wave) -> Tensor:
        bands: Tensor = self._fbank(torch.from_numpy(piece)[None])
        return bands - bands.mean(1, keepdim=True)

    def __call__(self, piece: Wave) -> Frames:
        found = self._models[len(piece)](self._bands(piece).numpy())[0][0]
        return np.asarray(np.clip(np.rint(found * FRAME_SCALE), 0, 255), dtype=np.uint8)
