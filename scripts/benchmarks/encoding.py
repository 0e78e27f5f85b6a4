"""Time of one 3 s clip on one thread, by SpeechBrain's encode_batch and by our export."""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import Figures, interleaved
from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.encoding.model_folder import ModelFolder
from voiceprint.encoding.runtime import load_runtime, quick_runtime
from voiceprint.encoding.speechbrain_runtime import SpeechBrainRuntime

__all__ = ["measure_encoding"]

CLIP_SECONDS = 3


def measure_encoding(folder: ModelFolder, cache: Path, rounds: int) -> Figures:
    """Ratios ``encode_exact``, ``encode_best``, ``bundled_vs_official``, and their milliseconds."""
    torch.set_num_threads(1)
    clip = np.random.default_rng(0).normal(scale=0.1, size=CLIP_SECONDS * SAMPLE_RATE).astype(np.float32)
    with tempfile.TemporaryDirectory() as temporary:
        official = ModelFolder.open(_official(Path(temporary)))
        pairs = [(SpeechBrainRuntime.load(each), load_runtime(each, "onnx", cache)) for each in (folder, official)]
        (plain, ours), (plain_official, ours_official) = pairs
        quick = quick_runtime(ours, folder, cache)
        runs = [ours, plain, ours_official, plain_official, quick]
        took = interleaved([partial(run.embed, clip) for run in runs], rounds)
    one, other = ours.embed(clip), plain.embed(clip)
    return {
        "encode_exact": took[0] / took[1],
        # Products of bytes, which keep the error rates: docs/performance.md.
        "encode_best": took[4] / took[1],
        "encode_exact_official": took[2] / took[3],
        "bundled_vs_official": took[0] / took[2],
        "encode_ms": 1e3 * took[0],
        "encode_best_ms": 1e3 * took[4],
        "encode_batch_ms": 1e3 * took[1],
        "official_ms": 1e3 * took[2],
        "official_encode_batch_ms": 1e3 * took[3],
        "cosine_short_of_1": 1 - float(one.astype(float) @ other / (np.linalg.norm(one) * np.linalg.norm(other))),
    }


def _official(folder: Path) -> Path:
    """The official architecture with random weights, on which speed does not depend."""
    from support.standin import make_official_stand_in

    return make_official_stand_in(folder / "spkrec-ecapa-voxceleb")
