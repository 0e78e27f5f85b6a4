"""The master key as a service manager or a container runtime brings it: read-only, in a place of their own."""

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from voiceprint.cli import main

HOME_KEY = Path(".config") / "voiceprint" / "master.key"


@pytest.fixture(params=["systemd credential", "container secret"])
def mounted(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key file, mounted in one of the two places, where nothing else names one."""
    monkeypatch.delenv("VOICEPRINT_KEY_FILE", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "mounted"
    folder.mkdir()
    path = folder / ("voiceprint.key" if request.param == "systemd credential" else "voiceprint_key")
    path.write_bytes(Fernet.generate_key() + b"\n")
    path.chmod(0o400)
    folder.chmod(0o500)
    if request.param == "systemd credential":
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    else:
        monkeypatch.setattr("voiceprint.storage.sealing.key_sources.CONTAINER_SECRET", path)
    return path


def test_it_is_used_and_no_other_key_is_made(
    tmp_path: Path, mounted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from support.toys import ToyActivity, ToyEncoder

    from voiceprint.config import Settings
    from voiceprint.service.factory import open_service

    with open_service(Settings(data=tmp_path / "index"), encoder=ToyEncoder(), activity=ToyActivity()):
        pass
    assert main(["key", "check", "--json", "--data", str(tmp_path / "index")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["path"], said["opens_store"]) == (str(mounted), True)
    assert main(["check", "--data", str(tmp_path / "index")]) == 0
    assert not (tmp_path / "home" / HOME_KEY).exists()
    # The mount is gone: the store must not be opened with a key that was made in its place.
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(
        "voiceprint.storage.sealing.key_sources.CONTAINER_SECRET", tmp_path / "elsewhere" / "voiceprint_key"
    )
    assert main(["check", "--data", str(tmp_path / "index")]) == 3
    assert "There is no key file" in capsys.readouterr().err
    assert not (tmp_path / "home" / HOME_KEY).exists()
