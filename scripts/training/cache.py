"""Cache of training data: pieces of each corpus and voice variant, with teacher vectors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .batches import unit
from .data import Clip, Frames, Wave, cut, is_held_out, read_clip, write_shard
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

# Cosine of centred vectors from which an unnamed clip may be of a voice that must stay out: it missed none of 179.
SAME_VOICE = 0.45


def jobs(corpora: Sequence[str]) -> list[tuple[str, Variant]]:
    """Pairs (corpus, variant) in the order of use; without a plan, the plain voice and a few."""
    known = {corpus for corpus, _ in PLAN}
    others = [c for c in corpora if c not in known]
    plan = [*((c, PLAIN) for c in others), *PLAN, *((c, FEW) for c in others)]
    return [(corpus, variant) for corpus, variants in plan if corpus in corpora for variant in variants]


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes shards.

    teacher  frames (num_frames, channels) of a piece
    vector   the teacher's vector (192,) of its frames
    held     share of the speakers kept out of the training
    avoid    unit, centred vectors (n, 192) of voices that must not come in unnoticed, and the mean that was taken off
    """

    teacher: Callable[[Wave], Frames]
    vector: Callable[[Frames], NDArray[np.float32]]
    held: float
    avoid: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def build(self, folder: Path, clips: Sequence[Clip], variant: Variant = PLAIN[0]) -> int:
        """The number of pieces in a shard that is written.

        Held-out speakers appear in the plain voice only, and not at all where there are voices to avoid.
        """
        rows = [row for clip in clips for row in self._rows(clip, variant)]
        pieces, speakers, held, frames = (list(column) for column in zip(*rows, strict=True))
        write_shard(folder, pieces, speakers, held, frames, self.vector)
        return len(pieces)

    def _rows(self, clip: Clip, variant: Variant) -> Iterator[tuple[Wave, str, bool, Frames]]:
        out = is_held_out(clip.corpus, clip.speaker, self.held)
        if out and (variant != Variant() or self.avoid):
            return
        for piece in cut(variant.apply(read_clip(clip.path))):
            frames = self.teacher(piece)
            if not self._is_avoided(self.vector(frames)):
                yield piece, f"{clip.corpus}/{clip.speaker}/{variant.name}", out, frames

    def _is_avoided(self, vector: NDArray[np.float32]) -> bool:
        if self.avoid is None:
            return False
        voices, mean = self.avoid
        return bool((voices @ unit(unit(vector) - mean)).max() >= SAME_VOICE)
