"""A calibration fitted anew, from speech and embeddings that are kept between runs: one command for a new encoder.

    python scripts/benchmarks refit SPEECH/dev/* --cache DIR --out voiceprint/calibrations [--half 0] [--left-out]

SPEECH/dev/*: folders with a folder of recordings for each speaker. DIR/heard keeps the speech of the recordings, as
they are and by telephone, for all encoders; DIR/<fingerprint> what an encoder makes of it: only what is missing there
is computed, and an interrupted run goes on at the next corpus. ``--left-out`` prints how often it is right on each
corpus when fitted without it. The encoder comes from the settings (``VOICEPRINT_ENCODER``, ``VOICEPRINT_MODELS``).
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from voiceprint.audio.channel_simulation import CHANGES
from voiceprint.audio.recording import SAMPLE_RATE, Waveform
from voiceprint.cli.folders import clip_encoder_of
from voiceprint.config import load_settings
from voiceprint.decision.calibration import Calibration, shipped_calibration
from voiceprint.encoding.catalog import choose_encoder
from voiceprint.encoding.encoder import Encoder
from voiceprint.errors import InputError
from voiceprint.evaluation.fitting import fit
from voiceprint.evaluation.homes import SHORT, measure_homes
from voiceprint.evaluation.one_voice import speaker_change_threshold
from voiceprint.evaluation.samples import WHOLE, ClipEncoder, Sample, collect_speech, half_in
from voiceprint.service.factory import load_encoder

__all__ = ["main"]

TELEPHONE, SHORT_SECONDS, LONG_SECONDS = "telephone", 2, 10
LONGEST_SECONDS = 30
Arrays = dict[str, NDArray[Any]]
Clip = tuple[str, int, NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--left-out", action="store_true")
    args = parser.parse_args()
    settings = load_settings({})
    clip_encoder = clip_encoder_of(load_encoder(choose_encoder(settings), settings), settings)
    refit = _Refit(args.folders, args.cache, clip_encoder)
    calibration = refit.fitted(args.half, without=None)
    calibration = structs.replace(calibration, one_voice=refit.one_voice(args.half))
    print(calibration.save(args.out), f"{calibration.evidence.speakers} speakers", calibration.tail, calibration.place)
    for folder in args.folders if args.left_out else ():
        refit.report(folder.name)


class _Refit:
    """Samples of corpora, from the cache where they are there."""

    def __init__(self, folders: Sequence[Path], cache: Path, clip_encoder: ClipEncoder) -> None:
        self._folders, self._cache, self._clip_encoder = folders, cache, clip_encoder
        self._encoder: Encoder = clip_encoder.encoder

    def fitted(self, half: int | None, *, without: str | None) -> Calibration:
        corpora = [folder.name for folder in self._folders if folder.name != without]
        wide, telephone = (
            [one for corpus in corpora for kind in kinds for one in self.samples(corpus, kind, half)]
            for kinds in ((WHOLE, SHORT), (TELEPHONE,))
        )
        telephone = [replace(one, condition=WHOLE) for one in telephone]
        return fit(wide, telephone, encoder=self._encoder.id, fingerprint=self._encoder.fingerprint)

    def report(self, corpus: str) -> None:
        """Print how often it is right on a corpus on which nothing was fitted."""
        calibration = self.fitted(None, without=corpus)
        test = [one for kind in (WHOLE, SHORT) for one in self.samples(corpus, kind, None)]
        for row in measure_homes(test, calibration, 0.01):
            print(
                f"{row.corpus} {row.clips} recordings, {row.size:2} enrolled: FPIR {row.fpir:.1%} FNIR {row.fnir:.1%} "
                f"(not heard {row.unheard:.1%}); 2 s {row.fpir_short:.1%} {row.fnir_short:.1%}",
                flush=True,
            )

    def samples(self, corpus: str, kind: str, half: int | None) -> list[Sample]:
        path = self._cache / self._encoder.fingerprint[:16] / f"{corpus}-{kind}.npz"
        kept = _kept(path, lambda: self._encoded(corpus, kind))
        count = len(set(kept["speakers"].tolist()))
        rows = zip(*(kept[name].tolist() for name in ("speakers", "clips", "seconds")), kept["emb"], strict=True)
        return [
            Sample(corpus, f"{corpus}/{speaker}", (number,), seconds, kind, embedding.astype(np.float32))
            for speaker, number, seconds, embedding in rows
            if half is None or half_in(f"{corpus}/{speaker}", count) == half
        ]

    def one_voice(self, half: int | None) -> float | None:
        """The shipped one, if it is this encoder's."""
        shipped = shipped_calibration(self._encoder.id, self._encoder.fingerprint)
        if shipped is not None and shipped.one_voice is not None:
            return shipped.one_voice
        return speaker_change_threshold(self._encoder, self._long_pieces(half))

    def _long_pieces(self, half: int | None) -> Iterator[Waveform]:
        for folder in self._folders:
            parts: dict[str, list[NDArray[np.float32]]] = {}
            for speaker, _, speech in self._heard(folder.name, WHOLE):
                parts.setdefault(speaker, []).append(speech)
            for speaker, some in parts.items():
                if half is None or half_in(f"{folder.name}/{speaker}", len(parts)) == half:
                    joined = np.concatenate(some)[: LONG_SECONDS * SAMPLE_RATE]
                    if len(joined) == LONG_SECONDS * SAMPLE_RATE:
                        yield Waveform(joined)

    def _encoded(self, corpus: str, kind: str) -> Arrays:
        rows = []
        for speaker, number, speech in self._heard(corpus, TELEPHONE if kind == TELEPHONE else WHOLE):
            spare = len(speech) - SHORT_SECONDS * SAMPLE_RATE
            if kind == SHORT and spare < 0:
                continue
            piece = speech[spare // 2 : spare // 2 + SHORT_SECONDS * SAMPLE_RATE] if kind == SHORT else speech
            embedding = self._clip_encoder.embedding(piece)
            if embedding is not None:
                rows.append((embedding, speaker, number, len(piece) / SAMPLE_RATE))
        return dict(zip(("emb", "speakers", "clips", "seconds"), map(np.array, zip(*rows, strict=True)), strict=True))

    def _heard(self, corpus: str, kind: str) -> Iterator[Clip]:
        kept = _kept(self._cache / "heard" / f"{corpus}-{kind}.npz", lambda: self._listened(corpus, kind))
        ends = np.cumsum(kept["lens"])
        for speaker, number, length, end in zip(kept["speakers"], kept["clips"], kept["lens"], ends, strict=True):
            yield (
                str(speaker),
                int(number),
                (kept["samples"][end - length : end] / np.float32(32767)).astype(np.float32),
            )

    def _listened(self, corpus: str, kind: str) -> Arrays:
        (root,) = (folder for folder in self._folders if folder.name == corpus)
        spoken = list(collect_speech(root, self._clip_encoder, change=CHANGES.get(kind), on_refusal=_complain))
        speech = [np.round(np.clip(one[: LONGEST_SECONDS * SAMPLE_RATE], -1, 1) * 32767) for _, _, one in spoken]
        return {
            "speakers": np.array([speaker for speaker, _, _ in spoken]),
            "clips": np.array([number for _, number, _ in spoken]),
            "lens": np.array([len(one) for one in speech]),
            "samples": np.concatenate(speech).astype(np.int16),
        }


def _kept(path: Path, made: Callable[[], Arrays]) -> Arrays:
    """What a file keeps, made where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        print(path.name, file=sys.stderr, flush=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, **made())  # type: ignore[arg-type]
        part.replace(path)
    with np.load(path) as kept:
        return {name: kept[name] for name in kept.files}


def _complain(path: Path, error: InputError) -> None:
    print(f"{path}: {error}", file=sys.stderr)
