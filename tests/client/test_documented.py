"""The examples of docs/integrations.md, run as they stand there, and every public method in one of them."""

import inspect
import re
from pathlib import Path

import pytest
from support.paths import ROOT
from support.recordings import wav
from support.talking import Takes, serving_url

import voiceprint.client
from voiceprint.client import SyncVoiceprintClient, VoiceprintClient
from voiceprint.library import Voiceprint
from voiceprint.service.service import VoiceprintService

OPENED, CONNECTED, AWAITED = re.findall(r"```python\n(.*?)```", (ROOT / "docs/integrations.md").read_text(), re.DOTALL)[
    :3
]


@pytest.fixture(autouse=True)
def recordings(tmp_path: Path, takes: Takes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the examples name, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(tmp_path / "master.key"))
    for name, take in zip(("ada-1.wav", "ada-2.wav", "unknown.wav"), next(iter(takes.values())), strict=False):
        Path(name).write_bytes(wav(take))


def test_the_example_without_a_server_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(OPENED, "integrations.md", "exec"), {})
    assert "['Ada']" in capsys.readouterr().out


def test_the_example_with_a_server_runs(service: VoiceprintService, capsys: pytest.CaptureFixture[str]) -> None:
    with serving_url(service) as url:
        exec(compile(CONNECTED, "integrations.md", "exec"), {"url": url})
    assert capsys.readouterr().out.endswith("unknown_speaker\n")


def test_the_example_with_await_runs(service: VoiceprintService, capsys: pytest.CaptureFixture[str]) -> None:
    with serving_url(service) as url:
        exec(compile(AWAITED, "integrations.md", "exec"), {"url": url})
    said = capsys.readouterr().out.splitlines()
    assert (said[0], said[1], said[-1]) == ("True []", "Ready", "Result")


def test_every_public_name_is_in_an_example() -> None:
    assert {name for name in voiceprint.client.__all__ if name not in CONNECTED + AWAITED} == set()


@pytest.mark.parametrize(("kind", "example"), [(Voiceprint, OPENED), (SyncVoiceprintClient, CONNECTED)])
def test_every_method_is_in_an_example(kind: type, example: str) -> None:
    methods = {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}
    assert {name for name in methods - {"close"} if f".{name}(" not in example} == set()


def test_both_clients_have_the_same_methods() -> None:
    names = [
        {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")} - {"close"}
        for kind in (VoiceprintClient, SyncVoiceprintClient)
    ]
    assert names[0] == names[1]
