"""A server in this process, and a client that talks to it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient, TestServer

from support.recordings import wav
from voiceprint.api import messages
from voiceprint.api.messages import Enrolled
from voiceprint.audio.decoding import Waveform
from voiceprint.server import create_app
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService

__all__ = ["Client", "Takes", "Talk", "enroll", "said", "with_server"]

Takes = dict[str, list[Waveform]]
Client = TestClient[Any, Any]
Talk = Callable[[Client], Awaitable[None]]


def with_server(service: VoiceprintService, talk: Talk) -> None:
    async def run() -> None:
        server = TestServer(create_app(service, service.settings))
        await server.start_server(**RUNNER_OPTIONS)
        async with TestClient(server) as client:
            await talk(client)

    asyncio.run(run())


async def said(response: aiohttp.ClientResponse) -> messages.ServerMessage:
    return messages.decode_server(await response.text())


async def enroll(client: Client, name: str, *clips: Waveform) -> Enrolled:
    form = aiohttp.FormData({"name": name})
    for clip in clips:
        form.add_field("audio", wav(clip), filename="clip.wav")
    answer = await said(await client.post("/v1/speakers", data=form))
    assert isinstance(answer, Enrolled)
    return answer
