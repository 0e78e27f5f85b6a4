"""Time of one 3 s clip on one core, interleaved with the official architecture."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from .data import Wave
from .judge import folder_encoder
from .student import network as ecapa

OFFICIAL_CHANNELS = (1024, 1024, 1024, 1024, 3072)


def compare(folder: Path, rounds: int = 15, seconds: float = 3.0) -> dict[str, float]:
    """Median milliseconds of the folder's encoder and of the official one, and their ratio."""
    torch.set_num_threads(1)
    wave = np.random.default_rng(0).standard_normal(round(seconds * 16_000)).astype(np.float32) * 0.1
    ours = folder_encoder(folder)
    official = _official()
    times: dict[str, list[float]] = {"ours_ms": [], "official_ms": []}
    for number in range(rounds + 2):
        for name, encode in (("ours_ms", ours), ("official_ms", official)):
            started = time.perf_counter()
            encode(wave)
            if number >= 2:  # the first runs allocate
                times[name].append(1000 * (time.perf_counter() - started))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {**medians, "ratio": medians["ours_ms"] / medians["official_ms"]}


def _official() -> Callable[[Wave], object]:
    network = ecapa(OFFICIAL_CHANNELS, attention_channels=128).eval()
    from speechbrain.lobes.features import Fbank

    bands = Fbank(n_mels=80)  # 25 ms windows every 10 ms

    def encode(wave: Wave) -> object:
        with torch.inference_mode():
            rows = bands(torch.from_numpy(wave)[None])
            return network(rows - rows.mean(1, keepdim=True))

    return encode
