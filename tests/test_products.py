"""The highest products against sorting all of them."""

import numpy as np
import pytest

from voiceprint.products import BLOCK, highest_products


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
