"""The highest products against sorting all of them."""

import numpy as np
import pytest

from voiceprint.gallery.int8 import ZERO, whole_steps
from voiceprint.gallery.top_k import BLOCK, highest_products


@pytest.mark.parametrize("rows", [1, 7, BLOCK, BLOCK + 1, 5 * BLOCK - 3])
@pytest.mark.parametrize("count", [1, 4, 12])
@pytest.mark.parametrize("queries", [1, 9])
def test_they_are_those_of_sorting(rows: int, count: int, queries: int) -> None:
    random, count = np.random.default_rng(rows + count), min(rows, count)
    these, asked = (random.normal(size=(size, 24)).astype(np.float32) for size in (rows, queries))
    scores, places = highest_products(these, asked, count)
    whole = asked @ these.T
    order = np.argsort(-whole, axis=1)[:, :count]
    assert places.tolist() == order.tolist()
    assert scores == pytest.approx(np.take_along_axis(whole, order, axis=1), abs=1e-5)


def test_the_same_row_many_times_is_found_as_often_as_asked_for() -> None:
    same = np.ones((3 * BLOCK, 8), np.float32)
    scores, places = highest_products(same, same[:2], 20)
    assert np.all(scores == 8.0)
    assert all(len(set(row)) == 20 for row in places.tolist())


@pytest.mark.parametrize("rows", [1, BLOCK + 1, 20 * BLOCK - 3])
@pytest.mark.parametrize("count", [1, 12])
def test_looking_through_bytes_first_finds_the_same(rows: int, count: int) -> None:
    random, count = np.random.default_rng(rows + count), min(rows, count)
    these, asked = (random.normal(size=(size, 192)).astype(np.float32) for size in (rows, 9))
    for vectors in (these, asked):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    codes = (whole_steps(these) + ZERO).astype(np.uint8)
    exact, found = highest_products(these, asked, count), highest_products(these, asked, count, codes=codes)
    assert found[1].tolist() == exact[1].tolist()
    assert found[0] == pytest.approx(exact[0], abs=1e-6)
    wrong = highest_products(these, asked, count, codes=codes[::-1].copy())
    assert rows < count * BLOCK or wrong[1].tolist() != exact[1].tolist()  # they are looked at
