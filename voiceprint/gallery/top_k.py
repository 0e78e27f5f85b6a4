"""Top-k inner products of several queries with many rows.

A block of rows is multiplied with all queries while it is in the cache, and only the maximum of each group of rows is
kept. The groups that can hold one of the top k are then multiplied again, exactly. With int8 codes the first pass uses
their approximate products, four times as fast.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceprint.gallery.int8 import SLACK, STEPS, Bytes, byte_products

__all__ = ["highest_products"]

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
# The products (rows, q) of a block of rows with all queries; the caller may overwrite them.
Multiply = Callable[[slice], NDArray[Any]]
# Rows in one product, and how many of them share a group: the first, and every BLOCK / GROUP_ROWS-th after it.
BLOCK, GROUP_ROWS = 1024, 8
GROUPS = BLOCK // GROUP_ROWS


def highest_products(rows: Floats, queries: Floats, count: int, *, codes: Bytes | None = None) -> tuple[Floats, Places]:
    """The ``count`` highest products of each query with the rows, best first, and their rows.

    ``rows``: (n, d); ``queries``: (q, d); both results (q, count), ``count`` at most n. ``codes``: int8 codes (n, d) of
    unit rows, for unit queries.
    """
    if codes is None:
        maxima, slack = _group_maxima(_exact_products(rows, queries), len(rows), len(queries)), 0.0
    else:
        rough = _group_maxima(byte_products(codes, queries), len(rows), len(queries))
        maxima, slack = rough / np.float32(STEPS**2), SLACK
    query_numbers, groups = _candidates(maxima, count, slack)
    scores = np.empty((len(queries), count), np.float32)
    places = np.empty((len(queries), count), np.int64)
    for number, query in enumerate(queries):
        candidates = _rows_of(groups[query_numbers == number], len(rows))
        products = rows[candidates] @ query
        best = np.argsort(-products, kind="stable")[:count]
        scores[number], places[number] = products[best], candidates[best]
    return scores, places


def _exact_products(rows: Floats, queries: Floats) -> Multiply:
    """A function from a block of rows to its products (rows, q) with the queries."""
    columns = np.ascontiguousarray(queries.T)
    products = np.empty((BLOCK, len(queries)), np.float32)

    def multiply(block: slice) -> Floats:
        chosen = rows[block]
        return np.matmul(chosen, columns, out=products[: len(chosen)])

    return multiply


def _group_maxima(multiply: Multiply, rows: int, queries: int) -> NDArray[Any]:
    """The maximum product in each group of rows: (blocks, GROUPS, q)."""
    maxima = []
    for start in range(0, rows, BLOCK):
        products = multiply(slice(start, start + BLOCK))
        if len(products) < BLOCK:
            lowest = -np.inf if products.dtype.kind == "f" else np.iinfo(products.dtype).min
            rest = np.full((BLOCK - len(products), queries), lowest, products.dtype)
            products = np.concatenate([products, rest])
        left = BLOCK // 2
        while left > GROUPS:
            np.maximum(products[:left], products[left : 2 * left], out=products[:left])
            left //= 2
        maxima.append(np.maximum(products[:GROUPS], products[GROUPS : 2 * GROUPS]))
    return np.stack(maxima)


def _candidates(maxima: Floats, count: int, slack: float) -> tuple[Places, Places]:
    """Pairs of query and group where the group may hold a top-``count`` product of the query.

    Two arrays of equal length. ``slack``: error bound of the difference of two maxima.
    """
    highest = maxima.max(axis=1)
    if count < len(highest):
        # ``count`` blocks hold a product at least this high: nothing lower is in the top ``count``.
        bound = np.partition(highest, -count, axis=0)[-count]
    else:
        bound = np.full(maxima.shape[2], -np.inf, np.float32)
    groups, query_numbers = np.divmod(np.flatnonzero(maxima >= bound - np.float32(slack)), maxima.shape[2])
    return query_numbers, groups


def _rows_of(groups: Places, count: int) -> Places:
    """Row numbers of these groups, below ``count``."""
    blocks, firsts = np.divmod(groups, GROUPS)
    rows = ((blocks * BLOCK + firsts)[:, None] + GROUPS * np.arange(GROUP_ROWS)).ravel()
    return rows[rows < count]
