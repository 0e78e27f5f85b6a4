"""The gallery: enrolled templates in memory, searched by cosine.

FAISS searches by inner product over unit vectors. A large gallery is searched in two stages: int8 codes first, which
are a quarter of the memory to read, then exact scores for the best candidates. Nothing here is ever written to disk:
FAISS files hold clear vectors without a checksum, so the gallery is rebuilt from the sealed store at every start.
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
# Smaller galleries are searched exactly within two milliseconds.
COARSE_FROM = 20_000
# Candidates of the coarse search beyond ``top_k`` that are scored exactly: rounding moves a cosine by about 0.003.
SPARE = 96


class Gallery:
    """Templates by speaker id, one unit vector (dimension,) each. Thread-safe.

    FAISS addresses vectors by number. A number is given once and never reused, so that removing one speaker can never
    shift another into their place.
    """

    def __init__(self, dimension: int, *, coarse_from: int = COARSE_FROM, room: int = 0) -> None:
        """An empty gallery. ``coarse_from``: number of speakers from which codes are searched first.

        ``room``: number of speakers to reserve memory for, so that adding them copies nothing.
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
        # Speaker id by number; empty for a number whose speaker was removed.
        self._speakers: list[str] = []
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, speaker_id: object) -> bool:
        return speaker_id in self._numbers

    def ids(self) -> list[str]:
        """Ids of all speakers in the gallery."""
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
        """``put_all`` by columns: distinct speaker ids (n) and their templates (n, dimension)."""
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
        """Remove a speaker. Raises KeyError for an unknown id."""
        with self._lock:
            if speaker_id not in self._numbers:
                raise KeyError(speaker_id)
            self._drop([speaker_id])

    def search(self, embedding: Vector, top_k: int, *, among: Collection[str] | None = None) -> list[Match]:
        """The ``top_k`` closest speakers to a unit embedding (dimension,), best first.

        Fewer in a small gallery. ``among``: ids to search within (unknown ones are ignored); None for all speakers.
        """
        query = np.ascontiguousarray(embedding, dtype=np.float32).reshape(1, self.dimension)
        with self._lock:
            allowed = None if among is None else [self._numbers[one] for one in among if one in self._numbers]
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
        """``search`` for each row of unit embeddings (n, dimension), by matrix products."""
        queries = np.ascontiguousarray(embeddings, dtype=np.float32).reshape(-1, self.dimension)
        with self._lock:
            count = min(top_k, len(self._numbers))
            if count < 1 or not len(queries):
                return [[] for _ in queries]
            scores, places = highest_products(self._rows(), queries, count, codes=self._codes())
            numbers = faiss.vector_to_array(self._index.id_map)[places]
            return [self._matches(score, number) for score, number in zip(scores, numbers, strict=True)]

    def score(self, speaker_id: str, embedding: Vector) -> float:
        """Cosine of one speaker's template with a unit embedding. Raises KeyError for an unknown id."""
        return float(np.clip(self.template(speaker_id) @ embedding, -1.0, 1.0))

    def template(self, speaker_id: str) -> Vector:
        """The unit template (dimension,) of one speaker. Raises KeyError for an unknown id."""
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
        """View of all templates (n, dimension), valid until the next change."""
        rows: Vector = faiss.rev_swig_ptr(self._flat.get_xb(), self._flat.ntotal * self.dimension)
        return rows.reshape(-1, self.dimension)

    def _codes(self) -> Bytes | None:
        """View of the codes in the order of ``_rows``, valid until the next change; None without."""
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
    for size in (room * index.code_size, 0):  # a std::vector keeps the capacity that it once had
        index.codes.resize(size)


def _only(numbers: list[int] | None) -> faiss.SearchParameters | None:
    """A filter inside the search: the closest of those allowed, however many others are closer."""
    if numbers is None:
        return None
    return faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.array(numbers, dtype=np.int64)))
