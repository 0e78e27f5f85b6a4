"""The encoder: speech in, unit embeddings out. SpeechBrain's EncoderClassifier does the work (ECAPA-TDNN:
Desplanques et al., "ECAPA-TDNN: Emphasized Channel Attention, Propagation and Aggregation", Interspeech 2020).
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pickle import UnpicklingError
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceprint.errors import ModelError, SpeechError
from voiceprint.hearing.audio import SAMPLE_RATE, Waveform
from voiceprint.models.folder import ModelFolder
from voiceprint.torchaudio_compat import import_torchaudio

__all__ = ["Encoder"]

# SpeechBrain's EncoderClassifier, which carries no types.
Classifier = Any

WEIGHTS = "embedding_model.ckpt"
# Below this the statistics that ECAPA pools over time mean nothing.
MIN_SECONDS = 0.5


class Encoder:
    """Use ``Encoder.load``. Safe to call from several threads: they take turns, torch uses the cores within a call."""

    def __init__(self, folder: ModelFolder, classifier: Classifier, dimension: int) -> None:
        self.id = folder.id
        self.fingerprint = folder.fingerprint
        self.dimension = dimension
        self.sample_rate = SAMPLE_RATE
        self.min_num_samples = int(MIN_SECONDS * SAMPLE_RATE)
        self._classifier = classifier
        self._lock = Lock()

    @classmethod
    def load(cls, folder: ModelFolder) -> "Encoder":
        """Load a verified folder. Nothing is written, copied or fetched. Raises ModelError (``model_damaged``)."""
        with _quiet():
            classifier = _load_classifier(folder)
            dimension = _probe(classifier)
        return cls(folder, classifier, dimension)

    def encode(self, waveforms: Sequence[Waveform]) -> NDArray[np.float32]:
        """Unit embeddings (n, dimension), one a waveform, whatever their lengths and whoever else is in the call.

        Raises SpeechError: ``too_short_to_encode``, ``not_encodable``.
        """
        for waveform in waveforms:
            if len(waveform.samples) < self.min_num_samples:
                raise SpeechError(
                    "too_short_to_encode", f"{waveform.seconds:.2f} s are too short; {MIN_SECONDS} s are needed."
                )
        rows = [self._encode_one(waveform.samples) for waveform in waveforms]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)

    def _encode_one(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """One at a time: padding to a common length would change the embedding, and on a CPU a batch gains nothing."""
        import torch

        batch = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
        with self._lock, torch.inference_mode():
            raw: NDArray[np.float32] = self._classifier.encode_batch(batch)[0, 0].numpy()
        norm = float(np.linalg.norm(raw))
        if not np.isfinite(norm) or norm == 0.0:
            raise SpeechError("not_encodable", "The encoder makes nothing of this audio.")
        return (raw / norm).astype(np.float32)


def _load_classifier(folder: ModelFolder) -> Classifier:
    # The hub is never asked, whatever a folder says; must be set before huggingface_hub is imported.
    os.environ["HF_HUB_OFFLINE"] = "1"
    import_torchaudio()
    from speechbrain.inference.classifiers import EncoderClassifier
    from speechbrain.utils.fetching import LocalStrategy

    path = str(folder.path)
    try:
        classifier = EncoderClassifier.from_hparams(
            source=path,
            savedir=path,
            overrides={"pretrained_path": path},
            local_strategy=LocalStrategy.NO_LINK,
            run_opts={"device": "cpu"},
        )
    except (RuntimeError, ValueError, KeyError, AttributeError, TypeError, OSError, UnpicklingError) as error:
        raise ModelError("model_damaged", f"The encoder in {path} cannot be loaded: {_first_line(error)}") from error
    _check_weights(folder, classifier)
    return classifier


def _check_weights(folder: ModelFolder, classifier: Classifier) -> None:
    """SpeechBrain leaves random what a checkpoint lacks, and says so in a warning only."""
    import torch

    saved = torch.load(folder.path / WEIGHTS, map_location="cpu", weights_only=True, mmap=True)
    if saved.keys() != classifier.mods.embedding_model.state_dict().keys():
        raise ModelError("model_damaged", f"The weights in {folder.path / WEIGHTS} are not those of its network.")


def _probe(classifier: Classifier) -> int:
    """The size of an embedding, from a real one."""
    import torch

    with torch.inference_mode():
        return int(classifier.encode_batch(torch.zeros(1, SAMPLE_RATE)).shape[-1])


@contextmanager
def _quiet() -> Iterator[None]:
    """What SpeechBrain warns of while it loads says nothing to who runs voiceprint."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
