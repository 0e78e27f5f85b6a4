"""From the reference to its ONNX file, once an encoder. Needs torch and the package onnx."""

import io
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.encoding.onnx_runtime import INPUT, METADATA, OnnxRuntime, describe
from voiceprint.encoding.spectrum import Spectrum
from voiceprint.encoding.speechbrain_runtime import Classifier, SpeechBrainRuntime, quiet
from voiceprint.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["MIN_COSINE", "export_encoder"]

log = logging.getLogger(__name__)

# The exported network must say the same as the reference; both round, in different places.
MIN_COSINE = 1 - 1e-5
OPSET = 17
_PROBE_SECONDS = (0.6, 1.7, 5.3)


def export_encoder(reference: SpeechBrainRuntime, fingerprint: str) -> bytes:
    """The ONNX file of a loaded encoder, compared with it before it is given out.

    Raises ModelError: ``export_impossible`` (no package onnx, or a network that it cannot hold), ``export_differs``.
    """
    try:
        import onnx
    except ImportError as error:
        raise ModelError("export_impossible", "Exporting an encoder needs the package onnx.") from error
    log.warning("2 of 3: its network is exported to ONNX and compared with SpeechBrain's.")
    spectrum, graph = _front_end(reference.classifier)
    try:
        with quiet():
            model = onnx.load_from_string(_to_onnx(graph, spectrum))
    except Exception as error:  # torch says in many ways that it cannot
        raise ModelError("export_impossible", "This encoder cannot be exported.") from error
    model.metadata_props.add(key=METADATA, value=describe(spectrum, reference.dimension, fingerprint))
    exported: bytes = model.SerializeToString()
    _compare(reference, OnnxRuntime.load(exported, fingerprint))
    return exported


def _front_end(classifier: Classifier) -> "tuple[Spectrum, nn.Module]":
    """How speech is cut, and everything after that as one module: (1, frames, bins) to the embedding."""
    features = classifier.mods.compute_features
    kind = f"{type(features).__module__}.{type(features).__qualname__}"
    if kind == "speechbrain.lobes.features.Fbank":
        return _fbank(features, classifier.mods)
    if kind == "voiceprint.campplus.KaldiFbank":
        return _kaldi(features, classifier.mods)
    raise ModelError("export_impossible", f"Encoders with the front end {kind} cannot be exported.")


def _fbank(features: Any, mods: Any) -> "tuple[Spectrum, nn.Module]":  # noqa: ANN401 - SpeechBrain carries no types
    stft = features.compute_STFT
    plain = stft.center and stft.pad_mode == "constant" and stft.onesided and not stft.normalized_stft
    if not plain or features.deltas or features.context:
        raise ModelError("export_impossible", "This encoder's front end is not one that can be exported.")
    window = np.zeros(stft.n_fft, np.float32)
    at = (stft.n_fft - stft.win_length) // 2
    window[at : at + stft.win_length] = stft.window.numpy()
    return Spectrum(window, stft.hop_length, stft.n_fft), _chain(features.compute_fbanks, mods)


def _kaldi(features: Any, mods: Any) -> "tuple[Spectrum, nn.Module]":  # noqa: ANN401
    from voiceprint.campplus import EMPHASIS

    window = features.window.numpy()
    spectrum = Spectrum(window, features.hop, features.spectrum, centred=False, mean_off=True, emphasis=EMPHASIS)
    return spectrum, _chain(features.bands, mods)


def _chain(bands: "Callable[[Tensor], Tensor]", mods: Any) -> "nn.Module":  # noqa: ANN401
    import torch
    from torch import Tensor, nn

    from voiceprint.campplus import CAMPPlus
    from voiceprint.encoding.campplus_fused import FusedCAMPPlus
    from voiceprint.encoding.ecapa_fused import lean

    if mods.mean_var_norm.norm_type != "sentence" or mods.mean_var_norm.std_norm:
        raise ModelError("export_impossible", "This encoder's normalisation is not one that can be exported.")

    def fused(network: "nn.Module") -> "nn.Module":
        with torch.no_grad():
            return FusedCAMPPlus(network).eval() if isinstance(network, CAMPPlus) else lean(network)

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = fused(mods.embedding_model)

        def forward(self, power: Tensor) -> Tensor:
            features = bands(power)
            embedding: Tensor = self.network(features - features.mean(1, keepdim=True))
            return embedding

    return Chain().eval()


def _to_onnx(graph: "nn.Module", spectrum: Spectrum) -> bytes:
    import torch

    file = io.BytesIO()
    example = torch.rand(1, 190, spectrum.size // 2 + 1)
    torch.onnx.export(
        graph,
        (example,),
        file,  # type: ignore[arg-type]  # a path in its types, a file too in its documentation
        input_names=[INPUT],
        output_names=["embedding"],
        dynamic_axes={INPUT: {1: "frames"}},
        opset_version=OPSET,
        # The newer exporter needs two packages more, and half a minute.
        dynamo=False,
    )
    return file.getvalue()


def _compare(reference: SpeechBrainRuntime, exported: OnnxRuntime) -> None:
    random = np.random.default_rng(0)
    for seconds in _PROBE_SECONDS:
        probe = random.normal(scale=0.1, size=int(seconds * SAMPLE_RATE)).astype(np.float32)
        if _cosine(reference.embed(probe), exported.embed(probe)) < MIN_COSINE:
            raise ModelError("export_differs", "The exported encoder does not say the same as the encoder itself.")


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(one.astype(float) @ other / (np.linalg.norm(one.astype(float)) * np.linalg.norm(other)))
