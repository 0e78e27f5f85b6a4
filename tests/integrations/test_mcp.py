"""The MCP server as an assistant starts it: a child process, asked over stdio by the mcp package's own client."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the package mcp is not installed")

from mcp import Client, StdioServerParameters, stdio_client
from support.recordings import wav
from support.talking import Takes, serving_url

from voiceprint.cli import main
from voiceprint.service.service import VoiceprintService

Calls = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def folder(tmp_path: Path, takes: Takes) -> Path:
    """Recordings of Ada and of a stranger, and a file beside the folder."""
    made = tmp_path / "recordings"
    made.mkdir()
    ada, stranger, _ = takes.values()
    (made / "ada.wav").write_bytes(wav(ada[2]))
    (made / "stranger.wav").write_bytes(wav(stranger[0]))
    (made / "text.wav").write_text("no audio")
    (made / "link.wav").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_text("secret")
    return made


def asked(url: str, folder: Path, calls: Calls) -> tuple[list[str], list[tuple[bool, Any]]]:
    """The names of the tools; for each call whether it failed, and its answer or sentence."""
    command = ["-m", "voiceprint", "mcp", "--server", url, "--recordings", str(folder)]

    async def run() -> tuple[list[str], list[tuple[bool, Any]]]:
        transport = stdio_client(StdioServerParameters(command=sys.executable, args=command))
        async with Client(transport, read_timeout_seconds=120) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            answers = [await client.call_tool(name, arguments) for name, arguments in calls]
            return tools, [
                (bool(one.is_error), one.content[0].text if one.is_error else one.structured_content)  # type: ignore[union-attr]
                for one in answers
            ]

    return asyncio.run(run())


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_an_assistant_asks_and_changes_nothing(service: VoiceprintService, takes: Takes, folder: Path) -> None:
    ada = service.enroll_new("Ada", [service.admit(service.listen(take)) for take in next(iter(takes.values()))[:2]])
    with serving_url(service) as url:
        tools, answers = asked(
            url,
            folder,
            [
                ("identify_recording", {"file": "ada.wav"}),
                ("identify_recording", {"file": "stranger.wav"}),
                ("identify_recording", {"file": "ada.wav", "groups": ["team"]}),
                ("timeline_of_recording", {"file": "ada.wav"}),
                ("list_speakers", {}),
                ("server_status", {}),
                ("request_naming", {"file": "stranger.wav", "name": "Ben"}),
                ("request_naming", {"file": "ada.wav", "name": "Ben"}),
            ],
        )
    assert {name for name, _ in (("identify_recording", 0), ("request_naming", 0))} <= set(tools)
    assert [failed for failed, _ in answers] == [False] * 8
    known, unknown, elsewhere, timeline, speakers, status, naming, named = (answer for _, answer in answers)
    assert (known["status"], known["speaker"], known["speaker_id"]) == ("identified", "Ada", ada.speaker.id)
    assert (unknown["status"], unknown["speaker"], elsewhere["status"]) == ("unknown", None, "unknown")
    assert {"Ada"} <= {turn["speaker"] for turn in timeline["turns"]} <= {"Ada", None}
    assert speakers["speakers"] == [{"name": "Ada", "id": ada.speaker.id, "groups": []}]
    assert (status["ready"], status["speakers"]) == (True, 1)
    assert (naming["requested"], named["requested"], named["speaker"]) == (True, False, "Ada")
    assert naming["page"] == f"{url.rstrip('/')}/#enroll/name=Ben"
    assert naming["page"] in naming["needs_a_person"]
    assert "score" not in str(answers)
    assert [speaker.profile.name for speaker in service.speakers()] == ["Ada"]


def test_what_cannot_be_answered_is_one_sentence(service: VoiceprintService, folder: Path) -> None:
    with serving_url(service) as url:
        _, answers = asked(
            url,
            folder,
            [
                ("identify_recording", {"file": "text.wav"}),
                ("identify_recording", {"file": "missing.wav"}),
                ("identify_recording", {"file": "../secret"}),
                ("identify_recording", {"file": "link.wav"}),
                ("identify_recording", {"file": "/etc/passwd"}),
                ("identify_recording", {"file": "a\0b"}),
                ("identify_recording", {}),
            ],
        )
    assert [failed for failed, _ in answers] == [True] * 7
    text, missing, *outside, bad, nothing = (str(answer) for _, answer in answers)
    assert "cannot be read" in missing
    assert all("Only files inside" in one for one in outside)
    assert "secret" not in str(answers[2:4])
    assert text
    assert bad
    assert "file" in nothing


def test_a_server_that_is_not_there_is_said(folder: Path) -> None:
    _, (answer,) = asked("http://127.0.0.1:9", folder, [("server_status", {})])
    assert answer[0]
    assert "cannot be reached" in answer[1]


def test_a_folder_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", "--recordings", str(tmp_path / "missing")]) == 3
    assert "no folder" in capsys.readouterr().err
