"""Who speaks at each moment of ten seconds, up to three speakers of whom two at once: pyannote segmentation-3.0.

The checkpoint (MIT licence) lies beside the encoders, is verified by its hash, and is exported to ONNX once.
"""

import io
import logging
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.recording import SAMPLE_RATE
from voiceprint.encoding.export_cache import ExportCache
from voiceprint.encoding.model_folder import file_sha256
from voiceprint.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from voiceprint.encoding.segmentation_network import SegmentationNetwork

__all__ = [
    "FIRST_FRAME_SAMPLES",
    "FRAME_SAMPLES",
    "LOCAL_SPEAKERS",
    "SEGMENTATION",
    "SEGMENTATION_PIN",
    "WINDOW_SAMPLES",
    "Segmentation",
]

log = logging.getLogger(__name__)

SEGMENTATION = "pyannote-segmentation-3.0.pt"
SEGMENTATION_PIN = "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd"
LOCAL_SPEAKERS = 3
WINDOW_SAMPLES = 10 * SAMPLE_RATE
# A frame is the middle 270 of the 991 samples that it is made of.
FRAME_SAMPLES, FIRST_FRAME_SAMPLES, _FIELD_SAMPLES = 270, 360, 991
_MAX_DIFFERENCE = 1e-3
_OPSET = 17


def _powerset() -> NDArray[np.bool_]:
    """(7, 3): which speakers are in each set; none, each alone, each two together."""
    sets = [who for size in range(3) for who in combinations(range(LOCAL_SPEAKERS), size)]
    return np.array([[speaker in members for speaker in range(LOCAL_SPEAKERS)] for members in sets])


POWERSET = _powerset()


class Segmentation:
    """Use ``Segmentation.find``. Safe to call from several threads."""

    def __init__(self, session: "InferenceSession") -> None:
        self._session = session

    @classmethod
    def find(cls, models: Path, cache: Path | None) -> "Segmentation | None":
        """That of the folder of encoders; None where it was not fetched.

        Raises ModelError: ``model_damaged``, ``export_impossible``, ``export_differs``.
        """
        path = models / SEGMENTATION
        if not path.is_file():
            return None
        if file_sha256(path) != SEGMENTATION_PIN:
            raise ModelError("model_damaged", f"{path} is not the file that was published; remove it and fetch again.")
        content = ExportCache(cache).find(SEGMENTATION_PIN) if cache is not None else None
        return cls(_session(content or _export(path, cache)))

    def probabilities(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, frames, 7) of each set of speakers, for windows (n, samples) of at most ten seconds."""
        short = max(0, _FIELD_SAMPLES - windows.shape[1])
        samples = np.pad(windows, ((0, 0), (0, short)))[:, None]
        logs: NDArray[np.float32] = self._session.run(None, {"samples": samples})[0]
        return np.exp(logs)


def _session(content: bytes) -> "InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _export(path: Path, cache: Path | None) -> bytes:
    """The ONNX form, compared with the checkpoint's before it is kept."""
    import torch

    from voiceprint.encoding.segmentation_network import SegmentationNetwork

    network = SegmentationNetwork.of(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    content = _to_onnx(network)
    samples = np.random.default_rng(0).normal(scale=0.1, size=(2, 4 * SAMPLE_RATE)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(samples[:, None])).exp().numpy()
    if np.abs(Segmentation(_session(content)).probabilities(samples) - expected).max() > _MAX_DIFFERENCE:
        raise ModelError("export_differs", "The exported segmentation does not say the same as its checkpoint.")
    if cache is not None:
        try:
            ExportCache(cache).keep(SEGMENTATION_PIN, content)
        except OSError as error:
            log.warning("The exported segmentation cannot be kept in %s: %s.", cache, error.strerror)
    return content


def _to_onnx(network: "SegmentationNetwork") -> bytes:
    import torch

    from voiceprint.encoding.speechbrain_runtime import quiet

    file = io.BytesIO()
    try:
        with quiet():
            torch.onnx.export(
                network,
                (torch.zeros(2, 1, 2 * SAMPLE_RATE),),
                file,  # type: ignore[arg-type]  # a path in its types, a file too in its documentation
                input_names=["samples"],
                output_names=["probabilities"],
                dynamic_axes={"samples": {0: "windows", 2: "samples"}},
                opset_version=_OPSET,
                dynamo=False,
            )
    except Exception as error:  # torch says in many ways that it cannot
        raise ModelError("export_impossible", "The segmentation cannot be exported.") from error
    return file.getvalue()
