"""The adapters for Pipecat and LiveKit Agents, in environments of their own, against a real server of this checkout."""

import asyncio
import json
import os
import re
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from support.paths import TESTS
from support.recordings import pcm
from support.talking import Takes

from voiceprint.server import create_app
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService

FOLDER = TESTS / "adapters"
CHILD_SECONDS = 300.0


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
@pytest.mark.parametrize("name", ["pipecat", "livekit"])
def test_the_adapter_with_its_real_package(name: str, service: VoiceprintService, takes: Takes, tmp_path: Path) -> None:
    python = os.environ.get(f"{name.upper()}_PYTHON")
    if python is None:
        pytest.skip(f"{name.upper()}_PYTHON names no python with tests/adapters/requirements-{name}.txt")
    ada, stranger, _ = takes.values()
    speaker = service.enroll_new("Ada", [service.admit(service.listen(take)) for take in ada[:2]]).speaker
    for who, take in (("ada", ada[2]), ("stranger", stranger[0])):
        (tmp_path / f"{who}.pcm").write_bytes(pcm(take))

    async def drop(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def run() -> tuple[int | None, str]:
        server, dropping = TestServer(create_app(service, service.settings)), await asyncio.start_server(drop, "::1", 0)
        await server.start_server(**RUNNER_OPTIONS)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            given = {
                "url": str(server.make_url("/")),
                "silent": f"http://127.0.0.1:{silent.getsockname()[1]}",
                "dropping": f"http://[::1]:{dropping.sockets[0].getsockname()[1]}",
                "ada": speaker.id,
            }
            (tmp_path / "given.json").write_text(json.dumps(given))
            child = await asyncio.create_subprocess_exec(
                python, "-m", "pytest", "-c", "pytest.ini", "-q", f"{name}_checks.py",
                cwd=FOLDER, env={**os.environ, "ADAPTER_TEST_FOLDER": str(tmp_path), "PYTEST_ADDOPTS": ""},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            try:
                said, _ = await asyncio.wait_for(child.communicate(), CHILD_SECONDS)
            finally:
                with suppress(ProcessLookupError):
                    child.kill()
        dropping.close()
        await server.close()
        return child.returncode, said.decode()

    code, said = asyncio.run(run())
    assert code == 0, said
    assert re.search(r"\d+ passed", said), said
    assert "skipped" not in said, said


@pytest.mark.parametrize("name", ["pipecat_speaker", "livekit_speaker"])
def test_an_adapter_is_small(name: str) -> None:
    lines = (TESTS.parent / "voiceprint" / "integrations" / f"{name}.py").read_text().splitlines()
    assert len(lines) < 150
