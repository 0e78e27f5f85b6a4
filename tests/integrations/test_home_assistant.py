"""The component for Home Assistant: its own tests in an environment with homeassistant, and what is shipped with it."""

import asyncio
import json
import os
import re
import subprocess
import sys
import tomllib
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from aiohttp.test_utils import TestServer
from support.paths import ROOT, SCRIPTS
from support.recordings import pcm
from support.talking import Takes

from voiceprint.config import Settings
from voiceprint.server import create_app
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService

FOLDER = SCRIPTS / "deploy" / "home-assistant"
COMPONENT = FOLDER / "custom_components" / "voiceprint"
ADD_ON = FOLDER / "addon"
CHILD_SECONDS = 300.0


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_the_component_in_a_real_home_assistant(service: VoiceprintService, takes: Takes, tmp_path: Path) -> None:
    python = os.environ.get("HOME_ASSISTANT_PYTHON")
    if python is None:
        pytest.skip("HOME_ASSISTANT_PYTHON names no python with pytest-homeassistant-custom-component==0.13.108")
    pytest.importorskip("wyoming", reason="the package wyoming is not installed")
    from support.wyoming_stub import BridgeMode, bridged

    ada, ben, stranger = takes.values()
    service.enroll_new("Ada", [service.admit(service.listen(take)) for take in ada[:2]])
    recordings = {"ada": ada[2], "stranger": stranger[0], **{f"ben-{number}": take for number, take in enumerate(ben)}}
    for name, take in recordings.items():
        (tmp_path / f"{name}.pcm").write_bytes(pcm(take))

    async def run() -> tuple[int | None, str]:
        server = TestServer(create_app(service, service.settings))
        await server.start_server(**RUNNER_OPTIONS)
        url = str(server.make_url("/"))
        async with AsyncExitStack() as stack:
            modes = get_args(BridgeMode)
            bridges = {mode: (await stack.enter_async_context(bridged(mode, url)))[1] for mode in modes}
            (tmp_path / "given.json").write_text(json.dumps({"url": url, "bridges": bridges}))
            child = await asyncio.create_subprocess_exec(
                python, "-m", "pytest", "-c", "pytest.ini", "-q",
                cwd=FOLDER, env={**os.environ, "HOME_ASSISTANT_TEST_FOLDER": str(tmp_path), "PYTEST_ADDOPTS": ""},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            try:
                said, _ = await asyncio.wait_for(child.communicate(), CHILD_SECONDS)
            finally:
                with suppress(ProcessLookupError):
                    child.kill()
        await server.close()
        return child.returncode, said.decode()

    code, said = asyncio.run(run())
    assert code == 0, said
    assert re.search(r"\d+ passed", said), said
    assert "skipped" not in said, said


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_manifest_is_that_of_this_version() -> None:
    manifest = read(COMPONENT / "manifest.json")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (manifest["domain"], manifest["version"], manifest["requirements"]) == ("voiceprint", version, [])
    assert list(manifest)[:2] == ["domain", "name"]  # Home Assistant wants these two first, and the rest sorted
    assert list(manifest)[2:] == sorted(list(manifest)[2:])
    assert set(read(FOLDER / "hacs.json")) <= {"name", "homeassistant", "render_readme"}


def test_it_needs_home_assistant_and_what_that_brings() -> None:
    imported = {
        name
        for path in COMPONENT.glob("*.py")
        for name in re.findall(r"^\s*(?:from|import) ([a-z_]+)", path.read_text(), re.MULTILINE)
    }
    standard = {"asyncio", "collections", "contextlib", "contextvars", "dataclasses", "io", "json", "logging", "re"}
    assert imported - standard - {"typing", "urllib", "wave"} == {"aiohttp", "homeassistant", "voluptuous"}


def test_every_error_and_field_has_its_words() -> None:
    words = read(COMPONENT / "translations" / "en.json")
    flow, options = (COMPONENT / "config_flow.py").read_text(), (COMPONENT / "options_flow.py").read_text()
    said = {key for key in words["config"]["error"] if f'"{key}"' in flow}
    assert said == set(words["config"]["error"])
    assert {key for key in words["options"]["error"] if f'"{key}"' in options} == set(words["options"]["error"])
    assert set(words["config"]["step"]) == set(re.findall(r'step_id="(\w+)"', flow))
    assert set(words["options"]["step"]) == set(re.findall(r'step_id="(\w+)"', options))
    services = yaml.safe_load((COMPONENT / "services.yaml").read_text())
    assert {name: set(one["fields"]) for name, one in services.items()} == {
        name: set(one["fields"]) for name, one in words["services"].items()
    }


def test_the_add_on_is_what_the_supervisor_takes() -> None:
    config = yaml.safe_load((ADD_ON / "config.yaml").read_text())
    assert {"name", "version", "slug", "description", "arch"} <= set(config)
    known = "init startup boot ports ports_description webui map options schema url"
    assert set(config) <= {"name", "version", "slug", "description", "arch", *known.split()}
    assert re.fullmatch(r"[a-z0-9_]+", config["slug"])
    assert set(config["arch"]) <= {"aarch64", "amd64", "armhf", "armv7", "i386"}
    assert (config["startup"], config["boot"]) == ("services", "auto")
    assert all(re.fullmatch(r"\d+/(tcp|udp)", port) for port in config["ports"])
    assert set(config["options"]) == set(config["schema"]) <= set(Settings.__struct_fields__)
    for name, rule in config["schema"].items():
        low, high = map(float, re.fullmatch(r"float\(([\d.]+),([\d.]+)\)", rule).groups())  # type: ignore[union-attr]
        assert low <= config["options"][name] <= high


def test_the_image_of_the_add_on_copies_what_is_there() -> None:
    lines = [
        line
        for line in (ADD_ON / "Dockerfile").read_text().replace("\\\n", "").splitlines()
        if line and not line.startswith("#")
    ]
    commands = [line.split()[0] for line in lines]
    assert commands == ["FROM", "COPY", "RUN", "ENV", "RUN", "ENTRYPOINT"]
    (copied,) = (line.split()[1:-1] for line in lines if line.startswith("COPY"))
    assert [name for name in copied if not (ADD_ON / name).exists()] == ["voiceprint-*.whl"]


def test_the_add_on_makes_one_token_and_becomes_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "voiceprint"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m voiceprint "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    data, config = tmp_path / "data", tmp_path / "config"
    for folder in (data, config):
        folder.mkdir()
    (data / "options.json").write_text(json.dumps(yaml.safe_load((ADD_ON / "config.yaml").read_text())["options"]))
    code = (
        "import os, run, sys; from pathlib import Path; os.execvp = lambda *given: print(given[1:])\n"
        "run.main(*map(Path, sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, str(data), str(config)]
    said = [subprocess.run(command, cwd=ADD_ON, capture_output=True, text=True) for _ in range(2)]
    assert [one.returncode for one in said] == [0, 0], said
    assert said[0].stdout == said[1].stdout == "(['voiceprint', 'serve', '--lan', '--log-json'],)\n"
    assert (data / "index").is_dir()
    token = config / "token.txt"
    assert (token.read_text()[:3], token.stat().st_mode & 0o777) == ("vp_", 0o600)
