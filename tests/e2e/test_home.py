"""One home for the store and the encoders, wherever a command is run; reading makes nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import MODELS, ROOT

from voiceprint import config, resources
from voiceprint.cli import main
from voiceprint.config import Settings, load_settings
from voiceprint.encoding.published import BUNDLED
from voiceprint.resources import home

# Those that take no file; each of them must say that there is no store, and leave the folder as empty as it was.
READING = (
    *(["speakers"], ["forget", "Ada"], ["group", "Ada"], ["token", "list"], ["check"], ["audit", "list"], ["sweep"]),
    *(["export", "out"], ["about", "Ada"], ["migrate"], ["renew"], ["identify", "a.wav"], ["verify", "Ada", "a.wav"]),
    *(["calibrate", "--enrolled", "--out", "out"], ["key", "rotate"]),
)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As where the program runs from no checkout; the user's data folder."""
    package = tmp_path / "site-packages" / "voiceprint"
    monkeypatch.setattr(resources, "_PACKAGE", package)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(config, "home", home)  # other tests' is an empty folder
    monkeypatch.delenv("VOICEPRINT_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "voiceprint"


def checkout(at: Path) -> Path:
    (at / "index").mkdir(parents=True)
    (at / "index" / "README.md").touch()
    (at / "voiceprint").mkdir()
    (at / "voiceprint" / "resources.py").touch()
    return at


def test_an_installed_program_keeps_everything_in_the_users_data_folder(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        settings = load_settings(environ={})
        assert (settings.data, settings.models) == (installed / "index", installed / "pretrained_models")


def test_a_checkouts_program_keeps_everything_there(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = checkout(tmp_path / "clone")
    monkeypatch.setattr(sys, "prefix", str(top / ".venv"))
    assert home() == top, "installed into an environment in the checkout, as the README does"
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(resources, "_PACKAGE", top / "voiceprint")
    assert home() == top, "run as it lies there"


def test_without_a_home_folder_it_is_where_services_keep_theirs(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: Path("~/.local/share/voiceprint"))
    assert home() == Path("/var/lib/voiceprint")


def test_what_is_named_comes_first(installed: Path) -> None:
    environ = {"VOICEPRINT_DATA": "/srv/voices", "VOICEPRINT_MODELS": "/srv/models"}
    assert load_settings(environ=environ).data == Path("/srv/voices")
    assert load_settings({"models": Path("mine")}, environ=environ).models == Path("mine")


def run(*arguments: str, at: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VOICEPRINT_")}
    return subprocess.run(
        [sys.executable, "-m", "voiceprint", *arguments],
        cwd=at,
        env={**kept, "HOME": str(at / "home"), "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_reading_commands_make_nothing_and_say_where_they_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.setenv("HOME", str(empty / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("VOICEPRINT_KEY_FILE", raising=False)
    monkeypatch.setenv("VOICEPRINT_DATA", str(tmp_path / "store"))
    wrong = [words for words in READING if main(words) != 4 or (tmp_path / "store").exists() or any(empty.iterdir())]
    assert wrong == []


def test_reading_says_which_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speakers", "--data", str(tmp_path / "none")]) == 4
    assert f"There is no store in {tmp_path / 'none'};" in capsys.readouterr().err


def test_the_same_store_in_two_folders_and_it_is_said_which(tmp_path: Path) -> None:
    environ = {"VOICEPRINT_DATA": str(tmp_path / "store"), "VOICEPRINT_KEY_FILE": str(tmp_path / "key")}
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    assert run("token", "add", "kitchen", at=tmp_path / "one", **environ).returncode == 0
    shown = [run("speakers", at=tmp_path / folder, **environ) for folder in ("one", "other")]
    assert [done.returncode for done in shown] == [0, 0]
    assert shown[0].stdout == shown[1].stdout
    assert f"voiceprint: the store in {tmp_path / 'store'}" in shown[1].stderr
    assert list((tmp_path / "other").iterdir()) == []


def test_a_store_where_earlier_versions_kept_it_is_not_passed_over(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(MODELS / BUNDLED, installed / "pretrained_models" / BUNDLED)
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.chdir(tmp_path)
    assert main(["token", "add", "kitchen", "--data", "index"]) == 0
    for words in (["speakers"], ["serve", "--port", "0"]):
        assert main(words) == 4
        assert f"--data {tmp_path / 'index'}" in capsys.readouterr().err
    assert not Settings().data.exists()
