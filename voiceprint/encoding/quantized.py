"""A copy of an export whose matrix products are of bytes: three fifths of the time for nearly the same embedding.

The weights are rounded once, what flows between the layers in each call. It serves what is looked at and not kept:
guesses during speech, and the windows in which a second voice is looked for. Needs the package onnx to be made.
"""

import logging
import tempfile
from pathlib import Path

import numpy as np

from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.encoding.export_cache import ExportCache
from voiceprint.encoding.onnx_runtime import OnnxRuntime
from voiceprint.errors import ModelError

__all__ = ["MIN_COSINE", "keep_quick", "load_quick", "make_quick"]

log = logging.getLogger(__name__)

# What the copy must reach on a probe. Processors without the instructions for it cut off sums of bytes that are too
# large: there the copy is far off, and is not used.
MIN_COSINE = 0.995
PROBE_SECONDS = 0.6


def load_quick(exact: OnnxRuntime, fingerprint: str, cache: Path) -> OnnxRuntime:
    """The quick copy of an export, made and kept where there is none yet; ``exact`` itself where it is of no use."""
    kept = ExportCache(cache)
    try:
        content = kept.find(_key(fingerprint))
        content = _make(kept, fingerprint) if content is None else content
        quick = OnnxRuntime.load(content, fingerprint) if content else None
    except ModelError as error:
        log.info("There is no quick copy of the encoder: %s", error.message)
        return exact
    return quick if quick is not None and _agree(exact, quick) else exact


def keep_quick(cache: Path, fingerprint: str, content: bytes) -> bytes:
    """Make the copy of an export and put it beside it: an empty one where it is far off, as for large encoders.

    Raises ModelError, OSError.
    """
    log.warning("3 of 3: a quicker copy of it is made, for guesses.")
    quick = make_quick(content)
    if not _agree(OnnxRuntime.load(content, fingerprint), OnnxRuntime.load(quick, fingerprint)):
        quick = b""
    ExportCache(cache).keep(_key(fingerprint), quick)
    return quick


def make_quick(content: bytes) -> bytes:
    """The copy of an export. Raises ModelError (``export_impossible``)."""
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.quant_utils import add_pre_process_metadata

        model = onnx.load_from_string(content)
        add_pre_process_metadata(model)  # else it asks for a simplification that this graph had already
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "quick.onnx"
            quantize_dynamic(
                model, path, op_types_to_quantize=["MatMul", "Gemm"], per_channel=True, weight_type=QuantType.QInt8
            )
            return path.read_bytes()
    except Exception as error:  # what it cannot take, and how it says so, is not listed anywhere
        raise ModelError("export_impossible", "The export cannot be rounded to bytes.") from error


def _make(kept: ExportCache, fingerprint: str) -> bytes | None:
    content = kept.find(fingerprint)
    if content is None:
        return None
    try:
        return keep_quick(kept.folder, fingerprint, content)
    except OSError as error:
        log.warning("The quick copy of the encoder cannot be kept in %s: %s.", kept.folder, error.strerror)
        return None


def _agree(exact: OnnxRuntime, quick: OnnxRuntime) -> bool:
    probe = np.random.default_rng(0).normal(scale=0.1, size=int(PROBE_SECONDS * SAMPLE_RATE)).astype(np.float32)
    one, other = exact.embed(probe).astype(float), quick.embed(probe).astype(float)
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return bool(cosine >= MIN_COSINE)  # not so where it is no number


def _key(fingerprint: str) -> str:
    return f"{fingerprint}.quick"
