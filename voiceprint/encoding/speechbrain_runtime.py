"""The reference: SpeechBrain's EncoderClassifier loads the folder and encodes. Brings torch with it."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pickle import UnpicklingError
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.encoding.model_folder import ModelFolder
from voiceprint.encoding.torchaudio_compat import import_torchaudio
from voiceprint.errors import ModelError

__all__ = ["Classifier", "SpeechBrainRuntime", "quiet"]

# SpeechBrain's EncoderClassifier, which carries no types.
Classifier = Any

WEIGHTS = "embedding_model.ckpt"


class SpeechBrainRuntime:
    """Use ``Reference.load``. Callers take turns: torch uses the cores within a call."""

    name = "speechbrain"

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self._lock = Lock()
        self.dimension = len(self.embed(np.zeros(SAMPLE_RATE, np.float32)))

    @classmethod
    def load(cls, folder: ModelFolder) -> "SpeechBrainRuntime":
        """Load a verified folder. Nothing is written, copied or fetched. Raises ModelError (``model_damaged``)."""
        with quiet():
            return cls(_load_classifier(folder))

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw embedding (dimension,) of speech (num_samples,)."""
        import torch

        batch = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
        with self._lock, torch.inference_mode():
            raw: NDArray[np.float32] = self.classifier.encode_batch(batch)[0, 0].numpy()
        return raw


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


@contextmanager
def quiet() -> Iterator[None]:
    """What SpeechBrain and torch warn of while they load and export says nothing to who runs voiceprint."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
