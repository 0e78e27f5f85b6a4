"""The highest of many inner products, for several queries at once.

A block of rows is multiplied with all queries while it is in the cache. Of its products only the highest of every few
rows is kept; the few rows that the highest of all can lie among are multiplied again.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["highest_products"]

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
# Rows in one product, and how many of them share a height: the first, and every BLOCK / SHARED-th after it.
BLOCK, SHARED = 1024, 8
GROUPS = BLOCK // SHARED


def highest_products(rows: Floats, queries: Floats, count: int) -> tuple[Floats, Places]:
    """The ``count`` highest products of each query (q, d) with rows (n, d), best first, and where: both (q, count).

    ``count`` is at most n.
    """
    which, groups = _closest(_heights(rows, queries), count)
    scores = np.empty((len(queries), count), np.float32)
    places = np.empty((len(queries), count), np.int64)
    for number, query in enumerate(queries):
        among = _rows_of(groups[which == number], len(rows))
        products = rows[among] @ query
        best = np.argsort(-products, kind="stable")[:count]
        scores[number], places[number] = products[best], among[best]
    return scores, places


def _heights(rows: Floats, queries: Floats) -> Floats:
    """The highest product in each group of rows: (blocks, GROUPS, q)."""
    columns = np.ascontiguousarray(queries.T)
    heights = np.empty((-(-len(rows) // BLOCK), GROUPS, len(queries)), np.float32)
    products = np.empty((BLOCK, len(queries)), np.float32)
    for number, height in enumerate(heights):
        block = rows[number * BLOCK : (number + 1) * BLOCK]
        np.matmul(block, columns, out=products[: len(block)])
        products[len(block) :] = -np.inf
        left = BLOCK // 2
        while left > GROUPS:
            np.maximum(products[:left], products[left : 2 * left], out=products[:left])
            left //= 2
        np.maximum(products[:GROUPS], products[GROUPS : 2 * GROUPS], out=height)
    return heights


def _closest(heights: Floats, count: int) -> tuple[Places, Places]:
    """Pairs of a query and a group, counted through, that one of its ``count`` highest products may lie in."""
    tallest = heights.max(axis=1)
    if count < len(tallest):
        # So many blocks hold a product at least as high: nothing lower is among the highest.
        line = np.partition(tallest, -count, axis=0)[-count]
    else:
        line = np.full(heights.shape[2], -np.inf, np.float32)
    groups, which = np.divmod(np.flatnonzero(heights >= line), heights.shape[2])
    return which, groups


def _rows_of(groups: Places, count: int) -> Places:
    """The rows of these groups, of ``count`` rows in all."""
    blocks, firsts = np.divmod(groups, GROUPS)
    rows = ((blocks * BLOCK + firsts)[:, None] + GROUPS * np.arange(SHARED)).ravel()
    return rows[rows < count]
