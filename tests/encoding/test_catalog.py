import shutil
from pathlib import Path

import pytest

from voiceprint.config import Settings
from voiceprint.encoding.catalog import choose_encoder, find_encoder, list_encoders
from voiceprint.encoding.model_folder import write_sums
from voiceprint.encoding.published import BUNDLED, OFFICIAL, RECOMMENDED
from voiceprint.errors import ModelError
from voiceprint.resources import shipped


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models=tmp_path / "models")


def own(settings: Settings, name: str) -> Path:
    return Path(shutil.copytree(shipped("pretrained_models") / BUNDLED, settings.models / name))


def test_the_bundled_encoder_is_what_a_new_store_gets(settings: Settings) -> None:
    assert choose_encoder(settings).id == BUNDLED


def test_what_was_asked_for_wins_then_the_stores_own(settings: Settings) -> None:
    own(settings, "mine")
    own(settings, "yours")
    asked = Settings(models=settings.models, encoder="mine")
    assert choose_encoder(asked, store_encoder="yours").id == "mine"
    assert choose_encoder(settings, store_encoder="yours").id == "yours"


def test_a_recommended_folder_that_is_not_the_published_one_is_refused_not_passed_over(settings: Settings) -> None:
    own(settings, RECOMMENDED)
    with pytest.raises(ModelError) as caught:
        choose_encoder(settings)
    assert caught.value.code == "model_damaged"
    assert "published" in caught.value.message
    states = {listed.id: listed.state for listed in list_encoders(settings)}
    assert states[BUNDLED] == "verified"
    assert "published" in states[RECOMMENDED]


@pytest.mark.parametrize("encoder_id", ["nobody", "..", "../models", "/etc", ".", ""])
def test_an_encoder_that_is_not_there(settings: Settings, encoder_id: str) -> None:
    own(settings, "mine")
    with pytest.raises(ModelError):
        find_encoder(encoder_id, settings)


def test_the_way_to_get_one_is_said(settings: Settings) -> None:
    with pytest.raises(ModelError, match="models fetch spkrec-ecapa-voxceleb"):
        find_encoder(OFFICIAL, settings)


def test_the_list_shows_what_is_there_and_what_could_be(settings: Settings) -> None:
    mine = own(settings, "mine")
    (mine / "hyperparams.yaml").write_text("x: !apply:os.system ['true']\n")
    write_sums(mine)
    listed = {entry.id: entry for entry in list_encoders(settings)}
    assert listed[BUNDLED].accuracy.startswith("EER")
    assert listed[OFFICIAL].state == "not fetched"
    assert listed[OFFICIAL].accuracy.startswith("EER"), "to choose by"
    assert "os.system" in listed["mine"].state
