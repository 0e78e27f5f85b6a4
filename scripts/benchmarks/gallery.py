"""Search times of a large gallery against FAISS's flat index, interleaved, on one thread.

    python scripts/benchmarks gallery [--speakers 100000] [--json]

Vectors are random. Half of the probes come from an enrolled voice (cosine about 0.6), half from unknown ones. Ratios
are ours over flat.
"""

import argparse
import json
import time
from collections.abc import Callable

import faiss
import numpy as np
from numpy.typing import NDArray

from voiceprint.gallery.index import Gallery

DIMENSION, PROBES, ROUNDS, BATCH = 192, 400, 40, 64
Rows = NDArray[np.float32]


def unit(rows: NDArray[np.float64]) -> Rows:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def fill(speakers: int, rng: np.random.Generator) -> tuple[Gallery, faiss.IndexFlatIP, Rows]:
    """The gallery, the flat index of the same rows, and the probes."""
    gallery, flat, probes = Gallery(DIMENSION), faiss.IndexFlatIP(DIMENSION), []
    for start in range(0, speakers, 50_000):
        rows = unit(rng.normal(size=(min(50_000, speakers - start), DIMENSION)))
        gallery.put_all((f"{start + number}", row) for number, row in enumerate(rows))
        flat.add(rows)
        probes.append(rows[: PROBES // 2])
    near = np.concatenate(probes)[rng.permutation(len(probes) * (PROBES // 2))[: PROBES // 2]]
    near = unit(0.6 * near + 0.8 * unit(rng.normal(size=near.shape)))
    return gallery, flat, np.concatenate([near, unit(rng.normal(size=(PROBES // 2, DIMENSION)))])


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def compare(gallery: Gallery, flat: faiss.IndexFlatIP, probes: Rows) -> dict[str, float]:
    """Medians in milliseconds, their ratios, and the share of exact best matches."""
    one, many = [], []
    for number in range(ROUNDS):
        probe = probes[number % len(probes)]
        one.append((seconds(lambda: gallery.search(probe, 10)), seconds(lambda: flat.search(probe[None], 10))))  # noqa: B023
    for _ in range(3):
        many.append(
            (seconds(lambda: gallery.search_many(probes[:BATCH], 10)), seconds(lambda: flat.search(probes[:BATCH], 10)))
        )
    exact = flat.search(probes, 1)[1][:, 0]
    right = [gallery.search(probe, 1)[0].speaker_id == str(best) for probe, best in zip(probes, exact, strict=True)]
    (ours, plain), (ours_many, plain_many) = np.median(one, axis=0), np.median(many, axis=0)
    return {
        "search": ours / plain,
        "search_batch": ours_many / plain_many,
        "recall_at_1": float(np.mean(right)),
        "search_ms": 1e3 * ours,
        "flat_ms": 1e3 * plain,
        "search_batch_ms": 1e3 * ours_many,
        "flat_batch_ms": 1e3 * plain_many,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speakers", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    faiss.omp_set_num_threads(1)
    found = compare(*fill(args.speakers, np.random.default_rng(0)))
    if args.json:
        print(json.dumps({"speakers": args.speakers, **found}))
        return
    for name, value in found.items():
        print(f"{name:16} {value:.3f}")
