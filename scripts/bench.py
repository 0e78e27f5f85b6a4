#!/usr/bin/env python3
"""Median times of what a user waits for, as ratios of ours over the plain way, interleaved.

    scripts/bench.py [--json] [--only encoding answer streams bulk start opening search] [--speech DIR ...]
                     [--clips 60] [--rounds 30] [--million] [--encoder ID]

Ratios of times are better below 1; `bulk` and `streams` are ratios of rates, better above 1. A ratio is null where it
was not measured. Speech comes from --speech (FOLDER/<speaker>/<recordings>), the first folder's first.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from benchmarks.encoding import measure_encoding
from benchmarks.folders import measure_bulk
from benchmarks.hearing import measure_answer, measure_streams, read
from benchmarks.opening import measure_opening
from benchmarks.starting import measure_start
from benchmarks.timing import Figures

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform
from voiceprint.config import Settings, load_settings
from voiceprint.encoding.catalog import find_encoder
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.published import BUNDLED
from voiceprint.encoding.speechbrain_runtime import SpeechBrainRuntime
from voiceprint.service.bulk import Folder, find_folders
from voiceprint.service.factory import open_service
from voiceprint.service.service import VoiceprintService

DEV = Path(__file__).resolve().parents[2] / "shared" / "speech" / "dev"
SPEECH = [DEV / corpus for corpus in ("librispeech", "vctk", "commonvoice")]
RATIOS = (
    *("encode_exact", "encode_best", "bundled_vs_official", "answer_p95", "bulk", "streams"),
    *("search_100k", "search_1m", "search_batch", "start", "memory", "open_100k"),
)
STREAM_SECONDS = (10, 30)


class Bench:
    """Resources shared by the measurements, made on first use."""

    def __init__(self, args: argparse.Namespace, root: Path) -> None:
        self.args, self.root = args, root
        self.cache_home = root / "cache"
        self.cache = self.cache_home / "voiceprint"
        self.model = find_encoder(args.encoder, load_settings())
        self.cores = len(os.sched_getaffinity(0))

    def encoding(self) -> Figures:
        return measure_encoding(self.model, self.cache, self.args.rounds)

    def answer(self) -> Figures:
        clips = [Waveform(read(folder.files[0]).samples[: 8 * SAMPLE_RATE]) for folder in self._folders()[:20]]
        with self._service("answer") as service:
            return measure_answer(service, SpeechBrainRuntime.load(self.model), clips)

    def streams(self) -> Figures:
        figures: Figures = {}
        with self._service("streams") as service:
            for seconds in STREAM_SECONDS:
                takes = [self._long(folder, seconds) for folder in self._folders()[:3]]
                found = measure_streams(service, SpeechBrainRuntime.load(self.model), takes)
                figures |= {f"{name}_{seconds}s" if name == "streams" else name: found[name] for name in found}
        return {"streams": figures[f"streams_{STREAM_SECONDS[-1]}s"], **figures}

    def bulk(self) -> Figures:
        folders, count = [], 0
        for folder in self._folders():
            folders.append(folder)
            count += len(folder.files)
            if count >= self.args.clips:
                break
        with self._service("ours") as ours, self._service("plain") as plain, self._service("same") as same:
            found = measure_bulk([ours, plain, same], SpeechBrainRuntime.load(self.model), folders, self.cores)
        return {**found, "bulk_clips": count}

    def start(self) -> Figures:
        Encoder.load(self.model, runtime="onnx", cache=self.cache)
        return measure_start(self.model.path, self.cache_home, self.root, max(3, self.args.rounds // 6))

    def opening(self) -> Figures:
        return measure_opening(self.root / "opening")

    def search(self) -> Figures:
        import faiss
        from benchmarks.gallery import compare, fill

        faiss.omp_set_num_threads(1)
        found = compare(*fill(100_000, np.random.default_rng(0)))
        figures: Figures = {"search_100k": found.pop("search"), **found}
        if self.args.million:
            million = compare(*fill(1_000_000, np.random.default_rng(0)))
            figures["search_1m"] = million.pop("search")
            figures |= {f"{name}_1m": value for name, value in million.items() if "batch" not in name}
        return figures

    def _service(self, name: str) -> VoiceprintService:
        encoder = Encoder.load(self.model, runtime="onnx", cache=self.cache)
        environ = {"VOICEPRINT_KEY_FILE": str(self.root / f"{name}.key")}
        return open_service(Settings(data=self.root / name), environ=environ, encoder=encoder)

    def _folders(self) -> list[Folder]:
        roots: list[Path] = self.args.speech
        return [folder for root in roots for folder in find_folders(root, on_refusal=lambda *_: None)]

    def _long(self, folder: Folder, seconds: int) -> Waveform:
        parts = [read(path).samples for path in folder.files[:4]]
        return Waveform(np.resize(np.concatenate(parts), seconds * SAMPLE_RATE))


PARTS: dict[str, Callable[[Bench], Figures]] = {
    "encoding": Bench.encoding,
    "answer": Bench.answer,
    "streams": Bench.streams,
    "bulk": Bench.bulk,
    "start": Bench.start,
    "opening": Bench.opening,
    "search": Bench.search,
}


def machine() -> dict[str, object]:
    """Processor, versions and cores of this machine."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    names = ("torch", "speechbrain", "onnxruntime", "faiss-cpu", "numpy", "silero-vad")
    return {
        "cpu": cpu.partition(":")[2].strip(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1_5_15_min": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--speech", type=Path, nargs="+", default=SPEECH, metavar="DIR")
    parser.add_argument("--clips", type=int, default=60, help="recordings for bulk enrollment")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--million", action="store_true", help="search a million as well; takes 2 GB")
    parser.add_argument("--encoder", default=BUNDLED, metavar="ID", help="one that is there (ecapa-compact)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as root:
        bench = Bench(args, Path(root))
        for part in args.only:
            print(f"{part} ...", file=sys.stderr, flush=True)
            figures |= PARTS[part](bench)
    rounded = {name: value if value is None else float(f"{value:.3g}") for name, value in figures.items()}
    ratios = {name: rounded.pop(name, None) for name in RATIOS}
    if args.json:
        print(json.dumps({**ratios, "behind_them": rounded, "machine": machine()}))
        return
    for name, value in {**ratios, **rounded, **machine()}.items():
        print(f"{name:<26} {value}")


if __name__ == "__main__":
    main()
