"""The segmentation: its network, its export, and what happens where its file is missing or another."""

from pathlib import Path

import numpy as np
import pytest
import torch

from voiceprint.encoding import segmentation
from voiceprint.encoding.model_folder import file_sha256
from voiceprint.encoding.segmentation import POWERSET, SEGMENTATION, Segmentation
from voiceprint.encoding.segmentation_network import SegmentationNetwork
from voiceprint.errors import ModelError

FILTERBANK = {"low": "low_hz_", "width": "band_hz_", "half_window": "window_", "half_time": "n_"}


def published_name(name: str) -> str:
    """As the checkpoint calls it."""
    if name.startswith("sincnet.bands."):
        return f"sincnet.conv1d.0.filterbank.{FILTERBANK[name.removeprefix('sincnet.bands.')]}"
    return name


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a checkpoint of random weights, laid out as the published one."""
    torch.manual_seed(0)
    network = SegmentationNetwork()
    weights = network.state_dict()
    weights["sincnet.bands.low"] = torch.linspace(0, 3000, 40)[:, None]
    weights["sincnet.bands.width"] = torch.full((40, 1), 100.0)
    weights["sincnet.bands.half_window"] = torch.hamming_window(251)[:125]
    weights["sincnet.bands.half_time"] = 2 * torch.pi * torch.arange(-125.0, 0)[None] / 16_000
    path = tmp_path / SEGMENTATION
    torch.save({"state_dict": {published_name(name): weight for name, weight in weights.items()}}, path)
    monkeypatch.setattr(segmentation, "SEGMENTATION_PIN", file_sha256(path))
    return tmp_path


def test_the_export_says_what_the_checkpoint_says_and_is_kept(models: Path, tmp_path: Path) -> None:
    found = Segmentation.find(models, tmp_path / "cache")
    assert found is not None
    samples = np.random.default_rng(1).normal(scale=0.1, size=(3, 160_000)).astype(np.float32)
    heard = found.probabilities(samples)
    assert heard.shape == (3, 589, 7)
    assert np.allclose(heard.sum(2), 1, atol=1e-5)
    alone = found.probabilities(samples[1:2])
    assert np.allclose(alone[0], heard[1], atol=1e-5)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    (models / SEGMENTATION).touch()
    again = Segmentation.find(models, tmp_path / "cache")
    assert again is not None
    assert np.allclose(again.probabilities(samples[:1]), heard[:1], atol=1e-5)
    assert found.probabilities(samples[:1, :100]).shape == (1, 1, 7)


def test_another_file_is_refused_and_a_missing_one_is_none(models: Path, tmp_path: Path) -> None:
    assert Segmentation.find(tmp_path / "elsewhere", None) is None
    with (models / SEGMENTATION).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="not the file that was published"):
        Segmentation.find(models, None)


def test_the_bands_pass_what_lies_between_their_edges(models: Path) -> None:
    weights = torch.load(models / SEGMENTATION, weights_only=True)["state_dict"]
    bands = SegmentationNetwork.of(weights).sincnet.bands
    power = np.abs(np.fft.rfft(bands.filters().detach().numpy()[:, 0], 16_000)) ** 2
    for number in (10, 20, 39):
        low = 50 + float(bands.low.detach()[number])
        inside, outside = int(low + 75), int(low + 75 + 600)
        for phase in (number, number + 40):
            assert power[phase, inside] > 100 * power[phase, outside]


def test_no_speaker_one_and_two_are_the_seven_sets() -> None:
    assert POWERSET.sum(1).tolist() == [0, 1, 1, 1, 2, 2, 2]
    assert len({tuple(row) for row in POWERSET.tolist()}) == 7
