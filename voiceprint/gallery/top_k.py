"""The highest of many inner products, for several queries at once.

A block of rows is multiplied with all queries while it is in the cache. Of its products only the highest of every few
rows is kept; the few rows that the highest of all can lie among are multiplied again. Where the rows are there as bytes
the first of these products are roughly those of the bytes, which are had four times as quickly.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceprint.gallery.int8 import SLACK, STEPS, Bytes, byte_products

__all__ = ["highest_products"]

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
# The products of some rows with all queries; whoever asked may overwrite them.
Multiply = Callable[[slice], NDArray[Any]]
# Rows in one product, and how many of them share a height: the first, and every BLOCK / SHARED-th after it.
BLOCK, SHARED = 1024, 8
GROUPS = BLOCK // SHARED


def highest_products(rows: Floats, queries: Floats, count: int, *, codes: Bytes | None = None) -> tuple[Floats, Places]:
    """The ``count`` highest products of each query (q, d) with rows (n, d), best first, and where: both (q, count).

    ``count`` is at most n. ``codes``: the rows as bytes (n, d), where rows and queries are unit vectors.
    """
    if codes is None:
        heights, slack = _heights(_exactly(rows, queries), len(rows), len(queries)), 0.0
    else:
        rough = _heights(byte_products(codes, queries), len(rows), len(queries))
        heights, slack = rough / np.float32(STEPS**2), SLACK
    which, groups = _closest(heights, count, slack)
    scores = np.empty((len(queries), count), np.float32)
    places = np.empty((len(queries), count), np.int64)
    for number, query in enumerate(queries):
        among = _rows_of(groups[which == number], len(rows))
        products = rows[among] @ query
        best = np.argsort(-products, kind="stable")[:count]
        scores[number], places[number] = products[best], among[best]
    return scores, places


def _exactly(rows: Floats, queries: Floats) -> Multiply:
    columns = np.ascontiguousarray(queries.T)
    products = np.empty((BLOCK, len(queries)), np.float32)

    def multiply(block: slice) -> Floats:
        some = rows[block]
        return np.matmul(some, columns, out=products[: len(some)])

    return multiply


def _heights(multiply: Multiply, rows: int, queries: int) -> NDArray[Any]:
    """The highest product in each group of rows: (blocks, GROUPS, q)."""
    heights = []
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
        heights.append(np.maximum(products[:GROUPS], products[GROUPS : 2 * GROUPS]))
    return np.stack(heights)


def _closest(heights: Floats, count: int, slack: float) -> tuple[Places, Places]:
    """Pairs of a query and a group, counted through, that one of its ``count`` highest products may lie in.

    ``slack``: how far heights may be from each other that are the same.
    """
    tallest = heights.max(axis=1)
    if count < len(tallest):
        # So many blocks hold a product at least as high: nothing lower is among the highest.
        line = np.partition(tallest, -count, axis=0)[-count]
    else:
        line = np.full(heights.shape[2], -np.inf, np.float32)
    groups, which = np.divmod(np.flatnonzero(heights >= line - np.float32(slack)), heights.shape[2])
    return which, groups


def _rows_of(groups: Places, count: int) -> Places:
    """The rows of these groups, of ``count`` rows in all."""
    blocks, firsts = np.divmod(groups, GROUPS)
    rows = ((blocks * BLOCK + firsts)[:, None] + GROUPS * np.arange(SHARED)).ravel()
    return rows[rows < count]
