"""The gallery against a plain dictionary and numpy."""

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceprint.gallery.index import Gallery
from voiceprint.gallery.int8 import codes_of, whole_steps

DIMENSION = 16


def unit(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


operations = st.lists(
    st.tuples(st.sampled_from(["put", "remove", "search"]), st.integers(0, 7), st.integers(0, 1000)), max_size=40
)


@pytest.mark.parametrize(("coarse_from", "room"), [(3, 0), (3, 5), (20_000, 0), (20_000, 9)])
@settings(max_examples=100, deadline=None)
@given(steps=operations)
def test_behaves_like_a_dictionary_searched_with_numpy(
    coarse_from: int, room: int, steps: list[tuple[str, int, int]]
) -> None:
    gallery, plain = Gallery(DIMENSION, coarse_from=coarse_from, room=room), dict[str, np.ndarray]()
    for verb, who, seed in steps:
        speaker_id = f"speaker-{who}"
        if verb == "put":
            gallery.put(speaker_id, unit(seed))
            plain[speaker_id] = unit(seed)
        elif verb == "remove" and speaker_id in plain:
            gallery.remove(speaker_id)
            del plain[speaker_id]
        probe = unit(seed + 5000)
        expected = sorted(((float(row @ probe), name) for name, row in plain.items()), reverse=True)
        found = gallery.search(probe, 3)
        assert [match.score for match in found] == pytest.approx([score for score, _ in expected[:3]], abs=1e-5)
        assert all(plain[match.speaker_id] @ probe == pytest.approx(match.score, abs=1e-5) for match in found)
        for many in gallery.search_many(np.stack([probe, probe]), 3):
            assert [match.score for match in many] == pytest.approx([match.score for match in found], abs=1e-5)
            assert all(plain[match.speaker_id] @ probe == pytest.approx(match.score, abs=1e-5) for match in many)
        assert len(gallery) == len(plain)
        for name, row in plain.items():
            assert gallery.score(name, probe) == pytest.approx(float(row @ probe), abs=1e-5)


def test_bytes_are_those_that_the_index_makes_itself() -> None:
    rows = np.stack([unit(seed) for seed in range(1500)])
    index = faiss.IndexScalarQuantizer(DIMENSION, faiss.ScalarQuantizer.QT_8bit_direct_signed)
    assert np.array_equal(codes_of(rows), index.sa_encode(whole_steps(rows)))


def test_removing_one_speaker_shifts_nobody_else() -> None:
    gallery = Gallery(DIMENSION)
    gallery.put_all((f"speaker-{i}", unit(i)) for i in range(100))
    for i in range(0, 100, 2):
        gallery.remove(f"speaker-{i}")
    for i in range(1, 100, 2):
        assert gallery.search(unit(i), 1)[0].speaker_id == f"speaker-{i}"


def test_a_large_gallery_gives_the_exact_answer() -> None:
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(30_000, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    gallery = Gallery(64)
    gallery.put_all((f"speaker-{number}", row) for number, row in enumerate(rows))
    probes = rows[:200] + 0.15 * rng.normal(size=(200, 64)).astype(np.float32)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    exact = probes @ rows.T
    for probe, scores, many in zip(probes, exact, gallery.search_many(probes, 5), strict=True):
        best = np.argsort(-scores)[:5]
        for found in (gallery.search(probe, 5), many):
            assert [match.speaker_id for match in found] == [f"speaker-{number}" for number in best]
            assert [match.score for match in found] == pytest.approx(scores[best].tolist(), abs=1e-5)


def test_says_no_to_what_it_does_not_have() -> None:
    gallery = Gallery(DIMENSION)
    assert gallery.search(unit(0), 5) == []
    with pytest.raises(KeyError):
        gallery.remove("nobody")
    with pytest.raises(KeyError):
        gallery.score("nobody", unit(0))
    with pytest.raises(ValueError, match="3 dimensions"):
        gallery.put("a", np.ones(3, np.float32))
