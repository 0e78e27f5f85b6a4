"""An MCP server: what an assistant may ask about voices, of a running voiceprint server.

It answers with decisions, never with scores, and changes nothing: naming a stranger is a request to a person.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

import aiohttp
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from voiceprint import __version__
from voiceprint.api.messages import Result, SpeakerRef
from voiceprint.client import RefusedError, VoiceprintClient
from voiceprint.integrations.connecting import client_of

__all__ = ["build_server", "serve_mcp"]

P = ParamSpec("P")
T = TypeVar("T")
MAX_NAME = 80
MAX_FILE_BYTES = 32 * 1024 * 1024
INSTRUCTIONS = (
    "Tells which enrolled speaker talks in a recording, or that the voice is unknown. An answer is no proof: "
    "say so where something depends on it. Nobody is enrolled from here: request_naming tells what a person has to do."
)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


def build_server(client: VoiceprintClient, *, folder: Path, page: str) -> MCPServer[Any]:
    """The server and its tools. ``folder``: the only one whose files are read; ``page``: where people enroll."""
    server: MCPServer[Any] = MCPServer(
        "voiceprint", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING"
    )
    _add_recordings(server, client, folder)
    _add_standing(server, client)
    _add_naming(server, client, folder, page)
    return server


def _add_recordings(server: MCPServer[Any], client: VoiceprintClient, folder: Path) -> None:
    @server.tool(annotations=_READS)
    @_told
    async def identify_recording(file: str, groups: Sequence[str] = ()) -> dict[str, Any]:
        """Which enrolled speaker talks in a recording (identified, unknown, ambiguous or not_enough_speech).

        file: a path inside the folder of recordings. groups: only speakers of these groups are searched.
        """
        return _decision(await client.identify(read_recording(folder, file), top_k=1, groups=groups))

    @server.tool(annotations=_READS)
    @_told
    async def timeline_of_recording(file: str, groups: Sequence[str] = ()) -> dict[str, Any]:
        """Who speaks when in a recording: turns with begin and end in seconds, status and speaker."""
        timeline = await client.timeline(read_recording(folder, file), groups=groups)
        turns = [
            {"start": turn.start_seconds, "end": turn.end_seconds, "status": turn.status, **_named(turn.speaker)}
            for turn in timeline.turns
        ]
        return {"turns": turns, "audio_seconds": timeline.audio_seconds}


def _add_standing(server: MCPServer[Any], client: VoiceprintClient) -> None:
    @server.tool(annotations=_READS)
    @_told
    async def list_speakers(groups: Sequence[str] = ()) -> dict[str, Any]:
        """The names, ids and groups of the enrolled speakers."""
        found = await client.speakers(groups=groups)
        return {"speakers": [{"name": one.name, "id": one.id, "groups": list(one.groups)} for one in found]}

    @server.tool(annotations=_READS)
    @_told
    async def server_status() -> dict[str, Any]:
        """Whether the voiceprint server answers now, with which encoder, among how many speakers."""
        health = await client.health()
        return {"ready": health.ready, "encoder": health.encoder, "speakers": health.speakers}


def _add_naming(server: MCPServer[Any], client: VoiceprintClient, folder: Path, page: str) -> None:
    @server.tool(annotations=_READS)
    @_told
    async def request_naming(file: str, name: str) -> dict[str, Any]:
        """Ask a person to give an unknown voice in a recording a name. Changes nothing: the link must be given to them.

        The page that it opens has the name filled in; the person confirms it, and that the speaker has agreed.
        """
        result = await client.identify(read_recording(folder, file), top_k=1)
        if result.status != "unknown":
            return {"requested": False, **_decision(result)}
        link = f"{page}/name={quote(name[:MAX_NAME], safe='')}"
        steps = f"Open {link}, check the name, ask the person for consent, and add the recording or speak."
        return {"requested": True, "name": name[:MAX_NAME], "page": link, "needs_a_person": steps}


async def serve_mcp(server: str, *, folder: Path, token: str | None = None, ca: Path | None = None) -> None:
    """Serve on standard input and output until the input ends."""
    async with client_of(server, token=token, ca=ca) as client:
        await build_server(client, folder=folder, page=server.rstrip("/") + "/#enroll").run_stdio_async()


def read_recording(folder: Path, file: str) -> bytes:
    """The bytes of a file inside the folder. Raises ToolError."""
    path = (folder / file).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ToolError("Only files inside the folder of recordings can be read.")
    try:
        if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
            raise ToolError(f"The file has more than {MAX_FILE_BYTES >> 20} MiB.")
        return path.read_bytes()
    except OSError as error:
        raise ToolError(f"The file cannot be read: {error.strerror}.") from error


def _told(tool: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The tool with what the server refuses as one sentence."""

    @wraps(tool)
    async def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await tool(*args, **kwargs)
        except RefusedError as error:
            raise ToolError(str(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ToolError("The voiceprint server cannot be reached.") from error

    return asked


def _decision(result: Result) -> dict[str, Any]:
    return {
        "status": result.status,
        **_named(result.speaker),
        "band": result.band,
        "several_voices": result.several_voices,
        "speech_seconds": result.speech_seconds,
    }


def _named(speaker: SpeakerRef | None) -> dict[str, str | None]:
    return (
        {"speaker": None, "speaker_id": None}
        if speaker is None
        else {"speaker": speaker.name, "speaker_id": speaker.id}
    )
