"""The set of enrolled templates, in memory, searched by cosine.

FAISS does the search (inner product over unit vectors). In a large gallery it looks through copies of one byte a number
first, which are a quarter as much to read, and the closest of those are compared exactly. Nothing here is ever written
to disk: FAISS files hold clear vectors and carry no checksum, so the gallery is rebuilt from the sealed store at every
start.
"""

from collections.abc import Collection, Iterable, Sequence
from threading import RLock

import faiss
import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.match import Match
from voiceprint.gallery.int8 import Bytes, codes_of, whole_steps
from voiceprint.gallery.top_k import highest_products

__all__ = ["Gallery"]

Vector = NDArray[np.float32]
# Below, the exact search takes a millisecond or two.
COARSE_FROM = 20_000
# How many more than asked for the coarse search gives to be compared exactly: rounding moves a cosine by about 0.003.
SPARE = 96


class Gallery:
    """Templates by speaker: one unit vector (dimension,) each. Safe to use from several threads.

    FAISS knows numbers, we know opaque ids: a number is given once and never reused, so that removing a speaker can
    never shift another one into their place.
    """

    def __init__(self, dimension: int, *, coarse_from: int = COARSE_FROM, room: int = 0) -> None:
        """``coarse_from``: from how many speakers on bytes are searched first. ``room``: for so many speakers, who then
        come without a copy of those who came before.
        """
        self.dimension = dimension
        self._flat = faiss.IndexFlatIP(dimension)
        self._room = room
        _make_room(self._flat, room)
        self._index = faiss.IndexIDMap2(self._flat)
        self._bytes: faiss.IndexScalarQuantizer | None = None
        self._coarse: faiss.IndexIDMap | None = None
        self._coarse_from = coarse_from
        self._numbers: dict[str, int] = {}
        # By number; empty for one that is not there any more.
        self._speakers: list[str] = []
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, speaker_id: object) -> bool:
        return speaker_id in self._numbers

    def ids(self) -> list[str]:
        """Everybody in it."""
        with self._lock:
            return list(self._numbers)

    def put(self, speaker_id: str, template: Vector) -> None:
        """Add a speaker, or replace their template."""
        self.put_all([(speaker_id, template)])

    def put_all(self, templates: Iterable[tuple[str, Vector]]) -> None:
        """Add or replace many speakers in one pass."""
        given = dict(templates)
        if given:
            self.put_rows(list(given), np.stack(list(given.values())))

    def put_rows(self, speaker_ids: Sequence[str], templates: Vector) -> None:
        """As ``put_all``: speakers (n), none of them twice, and their templates (n, dimension)."""
        rows = np.ascontiguousarray(templates, dtype=np.float32)
        if rows.shape[1] != self.dimension:
            raise ValueError(f"templates have {rows.shape[1]} dimensions, this gallery has {self.dimension}")
        with self._lock:
            if not self._numbers.keys().isdisjoint(speaker_ids):
                self._drop([speaker_id for speaker_id in speaker_ids if speaker_id in self._numbers])
            first, end = len(self._speakers), len(self._speakers) + len(rows)
            self._add(rows, np.arange(first, end, dtype=np.int64))
            self._numbers.update(zip(speaker_ids, range(first, end), strict=True))
            self._speakers.extend(speaker_ids)

    def remove(self, speaker_id: str) -> None:
        """Forget a speaker. Raises KeyError for one who is not there."""
        with self._lock:
            if speaker_id not in self._numbers:
                raise KeyError(speaker_id)
            self._drop([speaker_id])

    def search(self, embedding: Vector, top_k: int, *, among: Collection[str] | None = None) -> list[Match]:
        """The ``top_k`` closest speakers to a unit embedding (dimension,), best first; fewer when fewer are there.

        ``among``: only these are searched (ids that are not there count for nothing); None for everybody.
        """
        query = np.ascontiguousarray(embedding, dtype=np.float32).reshape(1, self.dimension)
        with self._lock:
            allowed = None if among is None else [self._numbers[who] for who in among if who in self._numbers]
            count = min(top_k, len(self._numbers) if allowed is None else len(allowed))
            if count < 1:
                return []
            if among is not None or self._coarse is None:
                scores, numbers = self._index.search(query, count, params=_only(allowed))
                return self._matches(scores[0], numbers[0])
            _, numbers = self._coarse.search(whole_steps(query), min(count + SPARE, len(self._numbers)))
            scores = self._index.reconstruct_batch(numbers[0]) @ query[0]
            best = np.argsort(-scores, kind="stable")[:count]
            return self._matches(scores[best], numbers[0][best])

    def search_many(self, embeddings: Vector, top_k: int) -> list[list[Match]]:
        """``search`` for every row of unit embeddings (n, dimension): by matrix products, faster than one by one."""
        queries = np.ascontiguousarray(embeddings, dtype=np.float32).reshape(-1, self.dimension)
        with self._lock:
            count = min(top_k, len(self._numbers))
            if count < 1 or not len(queries):
                return [[] for _ in queries]
            scores, places = highest_products(self._rows(), queries, count, codes=self._codes())
            numbers = faiss.vector_to_array(self._index.id_map)[places]
            return [self._matches(score, number) for score, number in zip(scores, numbers, strict=True)]

    def score(self, speaker_id: str, embedding: Vector) -> float:
        """Cosine of one speaker's template with a unit embedding. Raises KeyError for one who is not there."""
        return float(np.clip(self.template(speaker_id) @ embedding, -1.0, 1.0))

    def template(self, speaker_id: str) -> Vector:
        """The unit template (dimension,) of one speaker. Raises KeyError for one who is not there."""
        with self._lock:
            row: Vector = self._index.reconstruct(self._numbers[speaker_id])
            return row

    def _matches(self, scores: Vector, numbers: NDArray[np.int64]) -> list[Match]:
        within = np.clip(scores, -1.0, 1.0).tolist()
        return [Match(self._speakers[number], score) for score, number in zip(within, numbers.tolist(), strict=True)]

    def _add(self, rows: Vector, numbers: NDArray[np.int64]) -> None:
        self._index.add_with_ids(rows, numbers)
        if self._coarse is None:
            if self._index.ntotal < self._coarse_from:
                return
            kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
            self._bytes = faiss.IndexScalarQuantizer(self.dimension, kind, faiss.METRIC_INNER_PRODUCT)
            self._coarse = faiss.IndexIDMap(self._bytes)
            _make_room(self._bytes, self._room)
            numbers = faiss.vector_to_array(self._index.id_map)
            rows = self._rows()
        self._coarse.add_sa_codes(codes_of(rows), numbers)

    def _rows(self) -> Vector:
        """Every template (n, dimension), not copied: only to be looked at before the next change."""
        rows: Vector = faiss.rev_swig_ptr(self._flat.get_xb(), self._flat.ntotal * self.dimension)
        return rows.reshape(-1, self.dimension)

    def _codes(self) -> Bytes | None:
        """The templates as bytes, in the order of ``_rows``, where there are any; for as long as those."""
        if self._bytes is None:
            return None
        codes: Bytes = faiss.rev_swig_ptr(self._bytes.codes.data(), self._bytes.ntotal * self.dimension)
        return codes.reshape(-1, self.dimension)

    def _drop(self, speaker_ids: list[str]) -> None:
        if not speaker_ids:
            return
        numbers = [self._numbers.pop(speaker_id) for speaker_id in speaker_ids]
        for number in numbers:
            self._speakers[number] = ""
        self._index.remove_ids(np.array(numbers, dtype=np.int64))
        if self._coarse is not None:
            self._coarse.remove_ids(np.array(numbers, dtype=np.int64))


def _make_room(index: faiss.IndexFlatCodes, room: int) -> None:
    for size in (room * index.code_size, 0):  # a vector of C++ keeps the room that it once had
        index.codes.resize(size)


def _only(numbers: list[int] | None) -> faiss.SearchParameters | None:
    """A filter that works inside the search: the closest of those allowed, however many others are closer."""
    if numbers is None:
        return None
    return faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.array(numbers, dtype=np.int64)))
