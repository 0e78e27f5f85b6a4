"""``voiceprint models`` as a newcomer types it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.model_sources import small_files

from voiceprint.cli import main
from voiceprint.encoding import fetch
from voiceprint.encoding.fetch_local import LocalSource
from voiceprint.encoding.published import BUNDLED, CATALOG, RECOMMENDED, moving_advice
from voiceprint.resources import shipped


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOICEPRINT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every source of the recommended encoder is a folder that is not there."""
    nowhere = replace(CATALOG[RECOMMENDED], sources=(LocalSource(tmp_path / "gone", {}),))
    monkeypatch.setattr(fetch.fetch_encoder, "__kwdefaults__", {"from_file": None, "catalog": {RECOMMENDED: nowhere}})


@pytest.mark.usefixtures("out_of_reach")
def test_where_nothing_can_be_reached_the_chain_goes_on(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch"]) == 0
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert RECOMMENDED in said.err
    assert f"{BUNDLED}, which comes with voiceprint, goes on." in said.err
    assert main(["models", "fetch", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "not fetched"
    assert not models.exists() or list(models.iterdir()) == []


@pytest.mark.usefixtures("out_of_reach")
@pytest.mark.parametrize("asked", [[RECOMMENDED], ["--from-file", "gone"], [RECOMMENDED, "--from-file", "gone"]])
def test_what_was_asked_for_by_name_or_file_is_an_error(
    models: Path, capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    assert main(["models", "fetch", *asked]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_damaged_one_stops_the_chain(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(shipped("pretrained_models") / BUNDLED, models / RECOMMENDED)
    assert main(["models", "fetch"]) == 3
    assert "published" in capsys.readouterr().err


def test_another_encoders_files_are_refused_by_their_pins(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in small_files(RECOMMENDED).items():
        (tmp_path / name).write_bytes(content)
    assert main(["models", "fetch", "--from-file", str(tmp_path)]) == 3
    assert "not the one that was published" in capsys.readouterr().err
    assert list(models.iterdir()) == []


def test_the_list_says_what_to_choose_by(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    found = {each["id"]: each for each in map(json.loads, capsys.readouterr().out.splitlines())}
    assert list(found) == list(CATALOG)
    assert [name for name, each in found.items() if each["recommended"]] == [RECOMMENDED]
    assert all(each["accuracy"].startswith("EER") for each in found.values())
    assert found[BUNDLED]["calibrated"]
    assert main(["models", "export", BUNDLED]) == 0
    capsys.readouterr()
    assert main(["models", "list", BUNDLED]) == 0
    words = capsys.readouterr().out
    assert "ms for 3 s of speech on one core of this machine" in words
    assert "\n    calibrated\n" in words


def test_only_a_store_of_the_compact_one_is_told_of_a_better_one() -> None:
    said = moving_advice(BUNDLED)
    assert said is not None
    assert f"voiceprint migrate {RECOMMENDED}" in said
    assert [moving_advice(encoder_id) for encoder_id in ("mine", *CATALOG) if encoder_id != BUNDLED] == [None] * 3
