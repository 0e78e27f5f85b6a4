"""Embeddings of a folder of clips, <speaker>/<clip>, by one encoder, to measure it.

    python scripts/benchmarks embed_folder DIR OUT.npz --encoder ID --clips-by TOOL.py
        [--models DIR] [--seconds S] [--quickly]

TOOL.py is a Python file with ``clips(root, seconds)``, which yields (speaker, path, float32 samples at 16 kHz): the
only selection of clips. OUT.npz gets ``embeddings`` (n, d), unit rows, and ``speakers`` (n,). It holds clear
voiceprints: make it from recordings that may be used for this, and delete it afterwards.
"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from voiceprint.audio.decoding import Waveform
from voiceprint.config import load_settings
from voiceprint.encoding.catalog import find_encoder
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.export_cache import default_cache
from voiceprint.encoding.model_folder import ModelFolder
from voiceprint.errors import ModelError, VoiceprintError

Clips = Callable[[Path, float | None], Iterator[tuple[str, Path, NDArray[np.float32]]]]


def main() -> int:
    args = _parser().parse_args()
    try:
        folder = find_encoder(args.encoder, load_settings({"models": args.models}))
        encoder = _quick(folder) if args.quickly else Encoder.load(folder)
    except VoiceprintError as error:
        print(error.message, file=sys.stderr)
        return error.exit_code
    rows, speakers = [], []
    chosen = _clips_of(args.clips_by)(args.folder, args.seconds)
    for speaker, _, samples in tqdm(chosen, unit="clip", disable=None):
        clip = Waveform(np.asarray(samples, np.float32))
        rows.append((encoder.encode_int8 if args.quickly else encoder.encode)([clip])[0])
        speakers.append(speaker)
    np.savez(args.out, embeddings=np.array(rows), speakers=np.array(speakers))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--encoder", required=True, metavar="ID")
    parser.add_argument("--clips-by", required=True, type=Path, metavar="TOOL.py")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--quickly", action="store_true", help="with the encoder's quick copy, products of bytes")
    return parser


def _quick(folder: ModelFolder) -> Encoder:
    """The int8 copy of an encoder. Raises ModelError where it has none."""
    encoder = Encoder.load(folder, runtime="onnx", cache=default_cache(os.environ))
    if not encoder.is_quick:
        raise ModelError("no_quick_copy", "This encoder has no quick copy here.")
    return encoder


def _clips_of(tool: Path) -> Clips:
    spec = importlib.util.spec_from_file_location("clips_tool", tool)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{tool} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    clips: Clips = module.clips
    return clips
