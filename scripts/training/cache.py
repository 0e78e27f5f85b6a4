"""Cache of training data: pieces of each corpus and voice variant, with teacher vectors."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .data import Clip, Wave, cut, is_held_out, read_clip, write_shard
from .voices import Variant

PLAIN = (Variant(),)
FEW = (Variant(0.9), Variant(1.1))
MORE = (Variant(0.8), Variant(1.2), Variant(0.85), Variant(1.15), Variant(0.95, 1.08), Variant(1.05, 0.92))
MANY = (
    *(Variant(s) for s in (0.95, 1.05, 1.25)),
    *(Variant(s, f) for s in (0.88, 1.0, 1.12) for f in (0.88, 1.12)),
)
MOST = tuple(Variant(s, f) for s in (0.83, 0.92, 0.97, 1.03, 1.08, 1.18) for f in (0.94, 1.06))
# Read English is rare in the training data and weak in the first model, so it gets the most voices.
PLAN: tuple[tuple[str, tuple[Variant, ...]], ...] = (
    ("librispeech", PLAIN), ("alnum", PLAIN), ("commonvoice", PLAIN), ("speechcommands", PLAIN),
    ("librispeech", FEW), ("librispeech", MORE), ("alnum", FEW), ("commonvoice", FEW), ("librispeech", MANY),
    ("arabicsc", PLAIN), ("aishell1", PLAIN), ("alnum", MORE), ("commonvoice", MORE), ("speechcommands", FEW),
    ("librispeech", MOST), ("alnum", MANY),
)  # fmt: skip


def jobs(corpora: Sequence[str]) -> list[tuple[str, Variant]]:
    """Pairs (corpus, variant) in the order of use; without a plan, the plain voice and a few."""
    known = {corpus for corpus, _ in PLAN}
    plan = [*PLAN, *((c, PLAIN + FEW) for c in corpora if c not in known)]
    return [(corpus, variant) for corpus, variants in plan if corpus in corpora for variant in variants]


def build_shard(
    folder: Path,
    clips: Sequence[Clip],
    variant: Variant,
    teacher: Callable[[Wave], NDArray[np.float32]],
    held_share: float,
) -> int:
    """The number of pieces in a shard that is written.

    Held-out speakers appear in the plain voice only.
    """
    pieces: list[Wave] = []
    speakers: list[str] = []
    held: list[bool] = []
    for clip in clips:
        out = is_held_out(clip.corpus, clip.speaker, held_share)
        if out and variant != Variant():
            continue
        cuts = cut(variant.apply(read_clip(clip.path)))
        pieces += cuts
        speakers += [f"{clip.corpus}/{clip.speaker}/{variant.name}"] * len(cuts)
        held += [out] * len(cuts)
    vectors = np.stack([teacher(piece) for piece in pieces])
    write_shard(folder, pieces, speakers, held, vectors)
    return len(pieces)
