"""Certificates of our own, and a server that a phone on the same network may use."""

import ssl
import stat
import urllib.request
from pathlib import Path

import pytest
from support.serving import serving

from voiceprint.cli import main
from voiceprint.config import Settings, load_settings
from voiceprint.errors import ConfigError
from voiceprint.server.run import check_binding, host_to_show
from voiceprint.server.tls import LAN_CERT, LAN_KEY, load_identity, machine_names


def test_a_certificate_of_our_own_is_for_this_machine_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = load_identity(Settings(lan=True), folder)
    assert made is not None
    assert made.names == machine_names() >= {"localhost", "127.0.0.1"}
    assert stat.S_IMODE((folder / LAN_KEY).stat().st_mode) == 0o600
    again = load_identity(Settings(lan=True), folder)
    assert again is not None
    assert again.fingerprint == made.fingerprint


def test_a_machine_with_another_name_gets_another_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = load_identity(Settings(lan=True), tmp_path)
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    moved = load_identity(Settings(lan=True), tmp_path)
    assert made is not None
    assert moved is not None
    assert made.fingerprint != moved.fingerprint
    assert "elsewhere.local" in moved.names


def test_without_a_wish_there_is_none(tmp_path: Path) -> None:
    assert load_identity(Settings(), tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    load_identity(Settings(lan=True), tmp_path)
    load_identity(Settings(lan=True), tmp_path / "other")
    (tmp_path / "text").write_text("nothing")
    for cert, key in (
        (tmp_path / "nowhere", tmp_path / LAN_KEY),
        (tmp_path / "text", tmp_path / LAN_KEY),
        (tmp_path / LAN_CERT, tmp_path / "text"),
        (tmp_path / LAN_CERT, tmp_path / "other" / LAN_KEY),
    ):
        with pytest.raises(ConfigError, match="cannot be used"):
            load_identity(Settings(tls_cert=cert, tls_key=key), tmp_path)
    with pytest.raises(ConfigError, match="belong together"):
        load_settings({"tls_cert": tmp_path / LAN_CERT})


BINDINGS: dict[str, tuple[dict[str, object], bool]] = {
    "this machine": ({}, True),
    "this machine by name": ({"host": "localhost"}, True),
    "everywhere in clear": ({"host": "0.0.0.0"}, False),
    "one address in clear": ({"host": "192.168.1.5"}, False),
    "IPv6 in clear": ({"host": "::"}, False),
    "everywhere behind a proxy": ({"host": "0.0.0.0", "behind_proxy": True}, True),
    "everywhere with a certificate": ({"host": "0.0.0.0", "tls_cert": "c", "tls_key": "k"}, True),
    "lan": ({"lan": True}, True),
}


@pytest.mark.parametrize("what", BINDINGS)
def test_nobody_listens_in_clear_on_a_network(what: str) -> None:
    given, allowed = BINDINGS[what]
    settings = load_settings(given, environ={})
    if allowed:
        check_binding(settings)
        return
    with pytest.raises(ConfigError, match="--behind-proxy"):
        check_binding(settings)


def test_lan_listens_everywhere_unless_told_where() -> None:
    assert Settings(lan=True).address == "0.0.0.0"
    assert Settings(lan=True, host="192.168.1.5").address == "192.168.1.5"
    assert Settings().address == "127.0.0.1"


@pytest.mark.parametrize(("bound", "alone"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.168.1.5", "192.168.1.5")])
def test_the_address_shown_is_one_that_the_certificate_is_for(
    bound: str, alone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voiceprint.server.run.main_address", lambda: None)
    assert host_to_show(bound) == alone
    monkeypatch.setattr("voiceprint.server.run.main_address", lambda: "10.0.0.7")
    assert host_to_show(bound) == ("10.0.0.7" if alone != bound else bound)


def test_a_phone_gets_in_with_the_certificate_and_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(tmp_path / "master.key"))
    data = str(tmp_path / "index")
    with pytest.raises(AssertionError, match="voiceprint token add"), serving(tmp_path, options=("--lan",)):
        pass
    capsys.readouterr()
    assert main(["token", "add", "phone", "--data", data]) == 0
    token = capsys.readouterr().out.strip()
    with serving(tmp_path, options=("--lan",)) as server:
        assert server.url.startswith("https://")
        trusting = ssl.create_default_context(cafile=str(tmp_path / LAN_CERT))
        asked = urllib.request.Request(f"{server.url}/readyz", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, context=trusting, timeout=20) as answer:
            assert b'"speakers"' in answer.read()
