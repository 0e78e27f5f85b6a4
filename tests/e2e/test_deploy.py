"""What is shipped for running it elsewhere, and how the server ends."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from robustness import stop
from support.paths import SCRIPTS
from support.recordings import wav

from voiceprint.audio.decoding import Waveform

DEPLOY = SCRIPTS / "deploy"
Takes = dict[str, list[Waveform]]


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    # The program itself is installed elsewhere.
    unit = (DEPLOY / "voiceprint.service").read_text().replace("/opt/voiceprint/bin/voiceprint", "/bin/true")
    (tmp_path / "voiceprint.service").write_text(unit)
    done = subprocess.run([analyze, "verify", str(tmp_path / "voiceprint.service")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_key_reaches_the_service_as_a_credential_and_the_container_as_a_secret() -> None:
    unit = (DEPLOY / "voiceprint.service").read_text()
    assert "LoadCredential=voiceprint.key:" in unit
    assert "DynamicUser=yes" in unit
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    service = compose["services"]["voiceprint"]
    assert "voiceprint_key" in service["secrets"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert "\nUSER voiceprint\n" in dockerfile
    assert "master.key" not in dockerfile


def test_three_servers_share_one_database_and_the_proxy_asks_whether_each_is_ready() -> None:
    compose = yaml.safe_load((DEPLOY / "compose-postgres.yaml").read_text())
    servers = {name: service for name, service in compose["services"].items() if name.startswith("voiceprint")}
    assert len(servers) == 3
    for service in servers.values():
        assert service["environment"]["VOICEPRINT_STORE"].startswith("postgresql://")
        assert {"voiceprint_key", "pgpass"} <= set(service["secrets"])
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert compose["networks"]["store"] == {"internal": True}
    assert "ports" not in compose["services"]["postgres"]
    proxy = (DEPLOY / "Caddyfile").read_text()
    assert all(f"{name}:5678" in proxy for name in servers)
    assert "health_uri /readyz" in proxy


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, takes: Takes) -> None:
    recordings = [wav(take) for take in next(iter(takes.values()))]
    found = stop.run(recordings, rounds=1, seed=3)
    assert found.rounds == 1
    assert found.acknowledged > 0
    assert (found.lost, found.unclean) == (0, [])
