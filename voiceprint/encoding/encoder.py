"""The encoder: speech in, unit embeddings out. A model folder of SpeechBrain, run by SpeechBrain or as its ONNX export
(ECAPA-TDNN: Desplanques et al., "ECAPA-TDNN: Emphasized Channel Attention, Propagation and Aggregation", Interspeech
2020).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform
from voiceprint.encoding.model_folder import ModelFolder
from voiceprint.encoding.runtime import Runtime, RuntimeChoice, load_runtime, quick_runtime
from voiceprint.errors import SpeechError

__all__ = ["Encoder"]

# Below this the statistics that ECAPA pools over time mean nothing.
MIN_SECONDS = 0.5


class Encoder:
    """Use ``Encoder.load``. Safe to call from several threads. ``runtime``: ``speechbrain`` or ``onnx``."""

    runtime = "speechbrain"

    def __init__(self, folder: ModelFolder, runtime: Runtime, quick: Runtime | None = None) -> None:
        self.id = folder.id
        self.fingerprint = folder.fingerprint
        self.accuracy = folder.accuracy()
        self.dimension = runtime.dimension
        self.runtime = runtime.name
        self.sample_rate = SAMPLE_RATE
        self.min_num_samples = int(MIN_SECONDS * SAMPLE_RATE)
        self._runtime = runtime
        self._quick = quick or runtime

    @property
    def is_quick(self) -> bool:
        """Whether there is a copy of it for ``encode_int8``."""
        return self._quick is not self._runtime

    @classmethod
    def load(
        cls, folder: ModelFolder, *, runtime: RuntimeChoice = "speechbrain", cache: Path | None = None
    ) -> "Encoder":
        """Load a verified folder. Only ``cache`` is ever written to. Raises ModelError (``model_damaged``)."""
        exact = load_runtime(folder, runtime, cache)
        return cls(folder, exact, quick_runtime(exact, folder, cache))

    def encode(self, waveforms: Sequence[Waveform]) -> NDArray[np.float32]:
        """Unit embeddings (n, dimension), one a waveform, whatever their lengths and the rest of the batch.

        Raises SpeechError: ``too_short_to_encode``, ``not_encodable``.
        """
        return self._encode(waveforms, self._runtime)

    def encode_int8(self, waveforms: Sequence[Waveform]) -> NDArray[np.float32]:
        """For what is looked at and not kept: as ``encode``, in three fifths of the time where the encoder has a copy
        for it, with a cosine of 0.998 to what ``encode`` gives.
        """
        return self._encode(waveforms, self._quick)

    def _encode(self, waveforms: Sequence[Waveform], runtime: Runtime) -> NDArray[np.float32]:
        for waveform in waveforms:
            if len(waveform.samples) < self.min_num_samples:
                raise SpeechError(
                    "too_short_to_encode", f"{waveform.seconds:.2f} s are too short; {MIN_SECONDS} s are needed."
                )
        rows = [self._encode_one(waveform.samples, runtime) for waveform in waveforms]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)

    def _encode_one(self, samples: NDArray[np.float32], runtime: Runtime) -> NDArray[np.float32]:
        """One at a time: padding to a common length would change the embedding, and on a CPU a batch gains nothing."""
        raw = runtime.embed(samples) if np.isfinite(samples).all() else np.zeros(self.dimension, np.float32)
        norm = float(np.linalg.norm(raw))
        if not np.isfinite(norm) or norm == 0.0:
            raise SpeechError("not_encodable", "The encoder makes nothing of this audio.")
        return (raw / norm).astype(np.float32)
