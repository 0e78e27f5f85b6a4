"""The encoder, by its real loading code; the official architecture with random weights stands in for the real one."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from support.standin import make_official_stand_in

from voiceprint.audio.decoding import Waveform
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.model_folder import ModelFolder, write_sums
from voiceprint.errors import ModelError, SpeechError


def noise(seconds: float, seed: int = 0) -> Waveform:
    samples = np.random.default_rng(seed).normal(scale=0.1, size=int(16_000 * seconds))
    return Waveform(samples.astype(np.float32))


def test_embeddings_are_unit_rows(encoder: Encoder) -> None:
    rows = encoder.encode([noise(1.0), noise(2.5, seed=1)])
    assert rows.shape == (2, encoder.dimension) == (2, 192)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    assert encoder.encode([]).shape == (0, 192)


def test_company_does_not_change_an_embedding(encoder: Encoder) -> None:
    clips = [noise(seconds, seed) for seed, seconds in enumerate((0.6, 3.0, 1.7, 3.0, 9.1))]
    together = encoder.encode(clips)
    alone = np.stack([encoder.encode([clip])[0] for clip in clips])
    assert np.einsum("nd,nd->n", together, alone) == pytest.approx(np.ones(5), abs=1e-5)


def test_threads_do_not_disturb_each_other(encoder: Encoder) -> None:
    clips = [noise(1.0 + 0.1 * seed, seed) for seed in range(8)]
    alone = [encoder.encode([clip])[0] for clip in clips]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda clip: encoder.encode([clip])[0], clips))
    assert all(float(a @ b) > 1 - 1e-5 for a, b in zip(alone, at_once, strict=True))


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (np.zeros(0, np.float32), "too_short_to_encode"),
        (np.zeros(7999, np.float32), "too_short_to_encode"),
        (np.full(16_000, np.nan, np.float32), "not_encodable"),
    ],
)
def test_what_cannot_be_encoded_is_one_sentence(encoder: Encoder, samples: np.ndarray, code: str) -> None:
    with pytest.raises(SpeechError) as caught:
        encoder.encode([Waveform(samples)])
    assert caught.value.code == code


def contents(*roots: Path) -> dict[str, str]:
    files = (path for root in roots for path in sorted(root.rglob("*")))
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}


def test_the_official_layout_loads_and_nothing_is_copied_or_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, work, temporary = (tmp_path / name for name in ("home", "work", "temporary"))
    for folder in (home, work, temporary):
        folder.mkdir()
    model = make_official_stand_in(tmp_path / "spkrec-ecapa-voxceleb")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.chdir(work)
    before = contents(model, home, work, temporary)
    official = Encoder.load(ModelFolder.open(model))
    rows = official.encode([noise(1.0)])
    assert (official.id, official.dimension, official.sample_rate) == ("spkrec-ecapa-voxceleb", 192, 16_000)
    assert rows.shape == (1, 192)
    assert contents(model, home, work, temporary) == before


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    model = make_official_stand_in(tmp_path / "spkrec-ecapa-voxceleb")
    torch.save({"nonsense": torch.zeros(3)}, model / "embedding_model.ckpt")
    write_sums(model)
    with pytest.raises(ModelError) as caught:
        Encoder.load(ModelFolder.open(model))
    assert caught.value.code == "model_damaged"
    assert "\n" not in caught.value.message


def test_weights_cannot_run_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    model = make_official_stand_in(tmp_path / "spkrec-ecapa-voxceleb")
    torch.save(Evil(), model / "embedding_model.ckpt")
    write_sums(model)
    with pytest.raises(ModelError):
        Encoder.load(ModelFolder.open(model))
    assert not (tmp_path / "ran").exists()
