"""Training batches: pieces, crop lengths and degradations, reproducible by step number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .augment import Recipe, degrade
from .data import FRAME_FIRST, FRAME_HOP, SAMPLE_RATE, Frames, Shard, Wave

Indices = NDArray[np.int64]
# Samples between two frames of the student; its first stands at the crop's first sample.
STUDENT_HOP = 256

# Seconds of a crop and its share of the batches; few lengths, because each is compiled once.
CROPS = ((1.5, 0.6), (2.2, 0.3), (3.2, 0.1))
# Shares of the corpora: read English is rare and was the weak spot of the first model.
SHARES: Mapping[str, float] = {
    "librispeech": 0.35, "commonvoice": 0.5, "alnum": 0.08, "speechcommands": 0.06,
    "dspspeech20": 0.05, "picovoice": 0.05,
}  # fmt: skip
OTHER_SHARE = 0.015
PLAIN_FAVOUR = 3.0  # a voice as it was recorded counts this many times as much as a changed one


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to unit length."""
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


def teacher_mean(shards: Sequence[Shard]) -> NDArray[np.float32]:
    """The mean (192,) of the teacher's unit vectors, corpora at their shares."""
    total = np.zeros(192)
    for shard in shards:
        total += share(shard.name.split("-")[0]) * unit(shard.teacher).mean(0)
    return np.asarray(total / sum(share(s.name.split("-")[0]) for s in shards), dtype=np.float32)


def share(corpus: str) -> float:
    """The share of a corpus in the batches."""
    return SHARES.get(corpus, OTHER_SHARE)


@dataclass(frozen=True, slots=True)
class Batch:
    """One training batch.

    waves float32 (batch, num_samples), target float32 (batch, 192) unit; frames uint8 (batch, num_frames, channels):
    what the teacher hears where the student's frames stand; bank float32 (rows, 192) unit, centred; label int64
    (batch,): the speaker, a row of ``Batches.centres``.
    """

    waves: NDArray[np.float32]
    target: NDArray[np.float32]
    frames: Frames
    bank: NDArray[np.float32]
    label: NDArray[np.int64]


class Batches:
    """All training pieces of the shards, drawn by corpus share.

    Index it with the number of the step.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        mean: NDArray[np.float32],
        vector: Callable[[Frames], NDArray[np.float32]],
        size: int = 64,
        bank: int = 2048,
        seed: int = 0,
        recipe: Recipe | None = None,
        crops: Sequence[tuple[float, float]] = CROPS,
        steps: int = 1_000_000,
    ) -> None:
        self._shards, self._size, self._bank, self._seed, self._steps = list(shards), size, bank, seed, steps
        self._recipe, self._vector, self.mean = recipe or Recipe(), vector, mean
        self._crops = crops
        rows = [(n, i) for n, s in enumerate(self._shards) for i in np.flatnonzero(~s.held)]
        self._shard, self._piece = np.array(rows, dtype=np.int64).T
        vectors, self._label, self._voices = voices(self._shards)
        self._bank_rows = unit(mixed(vectors, self._voices[self._label]) - mean)
        self.centres = unit(self._voices - mean)
        self.num_pieces = len(vectors)
        self._length = np.concatenate([np.diff(s.starts)[~s.held] for s in self._shards])
        weight = self._weights()
        self._cumulative = {c: _cumulative(weight * (self._length >= self._samples(c))) for c, _ in crops}

    def _weights(self) -> NDArray[np.float64]:
        corpora = [s.name.split("-")[0] for s in self._shards]
        favour = [PLAIN_FAVOUR if s.name.endswith("s1.00f1.00") else 1.0 for s in self._shards]
        mass = {c: sum(f * (~s.held).sum() for c2, f, s in zip(corpora, favour, self._shards, strict=True) if c2 == c)
                for c in set(corpora)}  # fmt: skip
        each = np.array([share(c) * f / mass[c] for c, f in zip(corpora, favour, strict=True)])
        return np.asarray(each[self._shard], dtype=np.float64)

    @staticmethod
    def _samples(seconds: float) -> int:
        return round(seconds * SAMPLE_RATE)

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self._seed, step])
        seconds = float(rng.choice([c for c, _ in self._crops], p=[p for _, p in self._crops]))
        table = self._cumulative[seconds]
        rows = np.searchsorted(table, rng.random(self._size))
        bank = np.searchsorted(table, rng.random(self._bank))
        samples = self._samples(seconds)
        starts = [rng.integers(0, self._length[row] - samples + 1) for row in rows]
        crops = [self._crop(row, start, samples) for row, start in zip(rows, starts, strict=True)]
        waves = np.stack([self._hear(crop, rng) for crop in crops])
        target = self._target(rows, starts, samples)
        frames = self._frames(rows, starts, np.arange(0, samples + 1, STUDENT_HOP))
        return Batch(waves, target, frames, self._bank_rows[bank], self._label[rows])

    def _crop(self, row: int, start: int, samples: int) -> Wave:
        shard = self._shards[self._shard[row]]
        start = shard.starts[self._piece[row]] + start
        return np.asarray(shard.waves[start : start + samples], dtype=np.float32) / np.float32(32767)

    def _frames(self, rows: Indices, starts: Sequence[int], at: NDArray[np.int64]) -> Frames:
        """The teacher's frames (rows, at, channels) at samples ``at`` of the crops."""
        pairs = zip(rows, starts, strict=True)
        return np.stack([self._shards[self._shard[r]].frames_at(self._piece[r], start + at) for r, start in pairs])

    def _target(self, rows: Indices, starts: Sequence[int], samples: int) -> NDArray[np.float32]:
        """The teacher's vector of each crop alone, mixed with the mean of its voice."""
        frames = self._frames(rows, starts, np.arange(FRAME_FIRST, samples - FRAME_FIRST + 1, FRAME_HOP))
        own = unit(np.stack([self._vector(part) for part in frames]))
        return mixed(own, self._voices[self._label[rows]])

    def _hear(self, crop: Wave, rng: Generator) -> Wave:
        shortest = min(self._cumulative)
        count = rng.integers(1, 7) if rng.random() < self._recipe.babble else 0
        others = np.searchsorted(self._cumulative[shortest], rng.random(count))
        return degrade(crop, [self._crop(o, 0, self._samples(shortest)) for o in others], rng, self._recipe)


def voices(shards: Sequence[Shard]) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Teacher vectors (pieces, 192), voice numbers (pieces,), means (voices, 192).

    Of all training pieces; the mean of each voice is that of its pieces. Vectors are unit.
    """
    vectors = np.concatenate([unit(s.teacher)[~s.held] for s in shards])
    names = [n for s in shards for n, out in zip(s.speakers, s.held, strict=True) if not out]
    _, number = np.unique(names, return_inverse=True)
    total = np.zeros((number.max() + 1, vectors.shape[1]), dtype=np.float32)
    np.add.at(total, number, vectors)
    return vectors, number.astype(np.int64), unit(total)


def mixed(own: NDArray[np.float32], centres: NDArray[np.float32], share: float = 0.5) -> NDArray[np.float32]:
    """Unit targets: what is heard alone, mixed with the mean over the speaker's pieces.

    A short piece's own vector also carries the words and the manner; the mean carries less of them.
    """
    return unit(share * own + (1 - share) * centres)


def _cumulative(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.cumsum(weight)
    return np.asarray(np.minimum(total / total[-1], 1.0), dtype=np.float64)
