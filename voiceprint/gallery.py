"""The set of enrolled templates, in memory, searched by cosine.

FAISS does the search (exact inner product over unit vectors). Nothing here is ever written to disk: FAISS files hold
clear vectors and carry no checksum, so the gallery is rebuilt from the sealed store at every start.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import RLock

import faiss
import numpy as np
from numpy.typing import NDArray

__all__ = ["Gallery", "Match"]

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Match:
    """One speaker and the cosine of their template with what was heard, in [-1, 1]."""

    speaker_id: str
    score: float


class Gallery:
    """Templates by speaker: one unit vector (dimension,) each. Safe to use from several threads.

    FAISS knows numbers, we know opaque ids: a number is given once and never reused, so that removing a speaker can
    never shift another one into their place.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._numbers: dict[str, int] = {}
        self._speakers: dict[int, str] = {}
        self._next_number = 0
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, speaker_id: object) -> bool:
        return speaker_id in self._numbers

    def put(self, speaker_id: str, template: Vector) -> None:
        """Add a speaker, or replace their template."""
        self.put_all([(speaker_id, template)])

    def put_all(self, templates: Iterable[tuple[str, Vector]]) -> None:
        """Add or replace many speakers in one pass."""
        given = dict(templates)
        if not given:
            return
        rows = np.ascontiguousarray(np.stack(list(given.values())), dtype=np.float32)
        if rows.shape[1] != self.dimension:
            raise ValueError(f"templates have {rows.shape[1]} dimensions, this gallery has {self.dimension}")
        with self._lock:
            self._drop([speaker_id for speaker_id in given if speaker_id in self._numbers])
            numbers = np.arange(self._next_number, self._next_number + len(given), dtype=np.int64)
            self._next_number += len(given)
            self._index.add_with_ids(rows, numbers)
            for speaker_id, number in zip(given, numbers.tolist(), strict=True):
                self._numbers[speaker_id] = number
                self._speakers[number] = speaker_id

    def remove(self, speaker_id: str) -> None:
        """Forget a speaker. Raises KeyError for one who is not there."""
        with self._lock:
            if speaker_id not in self._numbers:
                raise KeyError(speaker_id)
            self._drop([speaker_id])

    def search(self, embedding: Vector, top_k: int) -> list[Match]:
        """The ``top_k`` closest speakers to a unit embedding (dimension,), best first; fewer when fewer are there."""
        query = np.ascontiguousarray(embedding, dtype=np.float32).reshape(1, self.dimension)
        with self._lock:
            count = min(top_k, len(self._numbers))
            if count < 1:
                return []
            scores, numbers = self._index.search(query, count)
            return [
                Match(self._speakers[number], float(np.clip(score, -1.0, 1.0)))
                for score, number in zip(scores[0].tolist(), numbers[0].tolist(), strict=True)
            ]

    def score(self, speaker_id: str, embedding: Vector) -> float:
        """Cosine of one speaker's template with a unit embedding. Raises KeyError for one who is not there."""
        return float(np.clip(self.template(speaker_id) @ embedding, -1.0, 1.0))

    def template(self, speaker_id: str) -> Vector:
        """The unit template (dimension,) of one speaker. Raises KeyError for one who is not there."""
        with self._lock:
            row: Vector = self._index.reconstruct(self._numbers[speaker_id])
            return row

    def _drop(self, speaker_ids: list[str]) -> None:
        if not speaker_ids:
            return
        numbers = [self._numbers.pop(speaker_id) for speaker_id in speaker_ids]
        for number in numbers:
            del self._speakers[number]
        self._index.remove_ids(np.array(numbers, dtype=np.int64))
