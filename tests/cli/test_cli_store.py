"""The commands that look after a store, as a person runs them."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.store_fixtures import ENCODER, enrollment, tamper

from voiceprint.cli import main
from voiceprint.domain.vocabulary import Consent
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, folder: Path, keys: MasterKeys, store: Store) -> str:
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(keys.path))
    store.add_speaker("Ada", [enrollment(1), enrollment(2)])
    store.add_speaker("Ben", [enrollment(3)])
    store.close()
    return str(folder)


def said(capsys: pytest.CaptureFixture[str], *command: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*command, "--json"]) == code
    line: dict[str, Any] = json.loads(capsys.readouterr().out)
    return line


def test_keys_are_made_checked_and_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: str
) -> None:
    assert said(capsys, "key", "check", "--data", data)["opens_store"] is True
    assert said(capsys, "key", "rotate", "--data", data)["rewrapped"] == 2
    assert said(capsys, "key", "check", "--data", data)["keys"] == 1
    assert said(capsys, "renew", "--data", data)["rotation"] == 1
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(tmp_path / "more" / "key"))
    assert said(capsys, "key", "init", "--data", str(tmp_path / "empty"))["made"] is True
    assert said(capsys, "key", "init", "--data", str(tmp_path / "empty"))["made"] is False
    assert main(["key", "check", "--data", data]) == 3  # a key that opens nothing
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(tmp_path / "nowhere"))
    assert main(["key", "init", "--data", data]) == 3  # data and no key: never a new one
    assert not (tmp_path / "nowhere").exists()
    assert "There is no key file at" in capsys.readouterr().err


def test_a_store_is_examined(capsys: pytest.CaptureFixture[str], data: str) -> None:
    report = said(capsys, "check", "--data", data)
    assert (report["whole"], report["speakers"], report["enrollments"]) == (True, 2, 3)
    log = said(capsys, "audit", "verify", "--data", data)
    assert (log["whole"], log["lines"], log["head"]) == (True, 3, report["audit_head"])
    assert main(["audit", "list", "--data", data]) == 0
    assert capsys.readouterr().out.count("enrolled") == 2
    tamper(Path(data), "UPDATE speakers SET body = zeroblob(40)")
    assert main(["check", "--data", data]) == 4
    assert "is damaged" in capsys.readouterr().err


def test_a_receipt_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: MasterKeys, data: str) -> None:
    store = Store.open(Path(data), keys, ENCODER)
    receipt = store.forget(store.load().speakers[0].id)
    store.close()
    file = tmp_path / "receipt.json"
    file.write_bytes(msgspec.json.encode(receipt))
    assert said(capsys, "verify-receipt", str(file), "--data", data)["checked_against_store"] is True
    assert said(capsys, "verify-receipt", str(file), "--data", str(tmp_path))["checked_against_store"] is False
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(receipt, records=99)))
    assert main(["verify-receipt", str(file), "--data", data]) == 2
    assert main(["verify-receipt", str(tmp_path / "nowhere"), "--data", data]) == 2


def test_a_bundle_goes_out_and_comes_in(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: str) -> None:
    (tmp_path / "words").write_text("a long enough passphrase\n")
    everybody, ada = str(tmp_path / "all.bundle"), str(tmp_path / "ada.bundle")
    assert said(capsys, "export", everybody, "--data", data)["damaged"] == []
    words = ["--passphrase-file", str(tmp_path / "words")]
    assert main(["export", ada, "--only", "ada", *words, "--data", data]) == 0
    assert main(["export", ada, "--only", "ada", *words, "--data", data]) == 4  # never over a file
    assert said(capsys, "import", everybody, "--data", data)["present"] == 2
    new = str(tmp_path / "new")
    assert said(capsys, "import", ada, *words, "--data", new)["added"] == 1
    assert main(["import", ada, "--data", new]) == 2
    assert main(["about", "Ada", "--data", new]) == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["name"], len(about["enrollments"])) == ("Ada", 2)
    assert "vector" not in json.dumps(about)
    assert main(["about", "Nobody", "--data", new]) == 2


def test_a_sweep_says_who_it_would_be(capsys: pytest.CaptureFixture[str], keys: MasterKeys, data: str) -> None:
    store = Store.open(Path(data), keys, ENCODER)
    store.set_consent(store.load().speakers[0].id, Consent(purpose="door", expires="2020-02-29"))
    store.close()
    assert main(["sweep", "--unseen-days", "0", "--data", data]) == 3
    assert said(capsys, "sweep", "--dry-run", "--data", data)["reason"] == "consent_expired"
    assert said(capsys, "sweep", "--data", data)["type"] == "erasure_receipt"
    assert said(capsys, "check", "--data", data)["speakers"] == 1


@pytest.mark.parametrize("command", [["check"], ["key", "rotate"], ["renew"], ["export", "x"], ["audit", "verify"]])
def test_where_there_is_no_store_it_is_said_and_none_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, "--data", str(tmp_path / "nowhere")]) == 4
    assert "There is no store" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()
