"""An encoder as one ONNX file, run by ONNX Runtime: no torch, starts at once, about twice as fast as the reference.

The file holds mel bands, normalisation and network; how to cut speech into frames stands in its metadata, with the
fingerprint of the encoder that it was made of.
"""

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from voiceprint.encoding.spectrum import Spectrum
from voiceprint.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["INPUT", "METADATA", "OnnxRuntime", "describe"]

INPUT = "power"
METADATA = "voiceprint"


class OnnxRuntime:
    """Use ``Exported.load``. Safe to call from several threads at once: each call runs in the thread that makes it."""

    name = "onnx"

    def __init__(self, session: "InferenceSession", spectrum: Spectrum, dimension: int) -> None:
        self._session = session
        self._spectrum = spectrum
        self.dimension = dimension

    @classmethod
    def load(cls, model: Path | bytes, fingerprint: str) -> "OnnxRuntime":
        """A file or its content. Raises ModelError (``export_unusable``): not an export, or not of this encoder."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread a call: who has more to do calls from more threads, and pays no waiting between them.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(
                str(model) if isinstance(model, Path) else model, options, providers=["CPUExecutionProvider"]
            )
            described = json.loads(session.get_modelmeta().custom_metadata_map[METADATA])
            spectrum = _spectrum(described["spectrum"])
            maker, dimension = str(described["fingerprint"]), int(described["dimension"])
        except Exception as error:  # what a damaged file makes of onnxruntime is not listed anywhere
            raise ModelError("export_unusable", "The export of the encoder cannot be loaded.") from error
        if maker != fingerprint:
            raise ModelError("export_unusable", "The export was made of another encoder.")
        return cls(session, spectrum, dimension)

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw embedding (dimension,) of speech (num_samples,)."""
        power = self._spectrum.power(samples)
        raw: NDArray[np.float32] = self._session.run(None, {INPUT: power[None]})[0]
        return raw.reshape(self.dimension)


def describe(spectrum: Spectrum, dimension: int, fingerprint: str) -> str:
    """What stands in the metadata of an export, for ``Exported.load``."""
    window = base64.b64encode(spectrum.window.astype("<f4").tobytes()).decode()
    cut = {name: getattr(spectrum, name) for name in ("hop", "size", "centred", "mean_off", "emphasis")}
    return json.dumps({"fingerprint": fingerprint, "dimension": dimension, "spectrum": {"window": window, **cut}})


def _spectrum(described: dict[str, object]) -> Spectrum:
    window = np.frombuffer(base64.b64decode(str(described.pop("window"))), "<f4")
    return Spectrum(window=window, **described)  # type: ignore[arg-type]  # a wrong one raises, and is unusable
