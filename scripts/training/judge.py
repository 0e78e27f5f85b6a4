"""Scores on unseen speech, clean and degraded, by the formulas of score_encoder.py."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from voiceprint.audio.channel_simulation import CHANGES, Change

from .data import Wave

Clips = Sequence[tuple[str, Path, Wave]]


def load_scorer(path: Path) -> ModuleType:
    """score_encoder.py as a module: the one trial list and the one set of formulas."""
    spec = importlib.util.spec_from_file_location("score_encoder", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONDITIONS: Mapping[str, Change] = {"clean": lambda wave: wave, **CHANGES}


def folder_encoder(folder: Path) -> Callable[[Wave], NDArray[np.float32]]:
    """A function from a clip (num_samples,) to a vector (192,), by encode_batch."""
    from voiceprint.encoding.torchaudio_compat import import_torchaudio

    import_torchaudio()
    from speechbrain.inference.classifiers import EncoderClassifier
    from speechbrain.utils.fetching import LocalStrategy

    place = str(folder.resolve())
    encoder = EncoderClassifier.from_hparams(
        place, savedir=place, overrides={"pretrained_path": place}, local_strategy=LocalStrategy.NO_LINK
    )

    def encode(wave: Wave) -> NDArray[np.float32]:
        with torch.inference_mode():
            return np.asarray(encoder.encode_batch(torch.from_numpy(wave)[None])[0, 0].numpy())

    return encode


def embeddings(scorer: ModuleType, encoder: str, clips: Clips) -> tuple[NDArray[np.float32], list[str]]:
    """Vectors (n, d) and speakers of the clips. encoder: `ge2e`, `campplus` or a model folder."""
    if encoder in {"ge2e", "campplus"}:
        scorer.__dict__["clips"] = lambda _root, _seconds: clips  # the scorer's own way to embed, on these clips
        found: tuple[NDArray[np.float32], list[str]] = getattr(scorer, encoder)(None, None)
        return found
    encode = folder_encoder(Path(encoder))
    return np.stack([encode(wave) for _, _, wave in clips]), [speaker for speaker, _, _ in clips]
