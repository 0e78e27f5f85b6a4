"""Which runtime an encoder gets: the exported one where it is there or can be made, else the reference."""

import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.encoding.export_cache import ExportCache
from voiceprint.errors import ModelError

if TYPE_CHECKING:
    from voiceprint.encoding.model_folder import ModelFolder
    from voiceprint.encoding.onnx_runtime import OnnxRuntime
    from voiceprint.encoding.speechbrain_runtime import SpeechBrainRuntime

__all__ = ["MEASURED_SECONDS", "Runtime", "RuntimeChoice", "export_anew", "load_runtime", "quick_runtime"]

log = logging.getLogger(__name__)

# How much speech is timed, and how often.
MEASURED_SECONDS = 3
_ROUNDS = 6

RuntimeChoice = Literal["auto", "onnx", "speechbrain"]


class Runtime(Protocol):
    """Runs an encoder's network. Safe to call from several threads."""

    name: str
    dimension: int

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw embedding (dimension,) of speech (num_samples,) at 16 kHz."""


def load_runtime(folder: "ModelFolder", choice: RuntimeChoice, cache: Path | None) -> Runtime:
    """The runtime of a verified folder; ``cache``: where exports are kept, None to keep none.

    ``auto`` takes the reference where exporting fails. Raises ModelError, as ``Reference.load`` and ``export_encoder``.
    """
    if choice == "speechbrain":
        return _reference(folder)
    kept = ExportCache(cache).find(folder.fingerprint) if cache is not None else None
    if kept is not None:
        from voiceprint.encoding.onnx_runtime import OnnxRuntime

        try:
            return _measured(OnnxRuntime.load(kept, folder.fingerprint), folder.fingerprint, cache)
        except ModelError as error:
            log.warning("%s It is made again.", error.message)
    return _export(folder, choice, cache)


def quick_runtime(exact: Runtime, folder: "ModelFolder", cache: Path | None) -> Runtime:
    """For what is not kept: less time, nearly the same; ``exact`` itself where there is nothing quicker."""
    from voiceprint.encoding.onnx_runtime import OnnxRuntime

    if cache is None or not isinstance(exact, OnnxRuntime):
        return exact
    from voiceprint.encoding.quantized import load_quick

    return load_quick(exact, folder.fingerprint, cache)


def export_anew(folder: "ModelFolder", cache: Path) -> Path:
    """Export an encoder, with its quick copy, whatever the cache holds; where it is now. Raises ModelError, OSError."""
    from voiceprint.encoding.onnx_export import export_encoder
    from voiceprint.encoding.onnx_runtime import OnnxRuntime
    from voiceprint.encoding.quantized import keep_quick

    content = export_encoder(_prepared(folder), folder.fingerprint)
    path = ExportCache(cache).keep(folder.fingerprint, content)
    keep_quick(cache, folder.fingerprint, content)
    _measured(OnnxRuntime.load(content, folder.fingerprint), folder.fingerprint, cache)
    return path


def _reference(folder: "ModelFolder") -> "SpeechBrainRuntime":
    from voiceprint.encoding.speechbrain_runtime import SpeechBrainRuntime

    return SpeechBrainRuntime.load(folder)


def _prepared(folder: "ModelFolder") -> "SpeechBrainRuntime":
    """The reference, to be exported: with a large encoder this takes a while, and silence would look like a fault."""
    log.warning("The encoder %s is prepared for this machine, once. 1 of 3: SpeechBrain loads it.", folder.id)
    return _reference(folder)


def _export(folder: "ModelFolder", choice: RuntimeChoice, cache: Path | None) -> Runtime:
    from voiceprint.encoding.onnx_export import export_encoder
    from voiceprint.encoding.onnx_runtime import OnnxRuntime

    reference = _prepared(folder)
    try:
        content = export_encoder(reference, folder.fingerprint)
    except ModelError as error:
        if choice == "onnx":
            raise
        log.info("SpeechBrain runs the encoder: %s", error.message)
        return reference
    if cache is not None:
        try:
            ExportCache(cache).keep(folder.fingerprint, content)
        except OSError as error:
            log.warning("The exported encoder cannot be kept in %s: %s.", cache, error.strerror)
    return _measured(OnnxRuntime.load(content, folder.fingerprint), folder.fingerprint, cache)


def _measured(runtime: "OnnxRuntime", fingerprint: str, cache: Path | None) -> "OnnxRuntime":
    """The runtime; how long it takes here is kept beside its export, where that is not known yet."""
    if cache is not None and (kept := ExportCache(cache)).milliseconds(fingerprint) is None:
        with suppress(OSError):
            kept.keep_milliseconds(fingerprint, _milliseconds(runtime))
    return runtime


def _milliseconds(runtime: Runtime) -> float:
    """For ``MEASURED_SECONDS`` of sound on one thread: the quickest of a few, as when nothing else runs."""
    sound = np.random.default_rng(0).normal(scale=0.1, size=MEASURED_SECONDS * SAMPLE_RATE).astype(np.float32)
    times = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        runtime.embed(sound)
        times.append(1e3 * (time.perf_counter() - begun))
    return min(times)
