"""A server in this process, and a client that talks to it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
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

__all__ = ["Client", "Takes", "Talk", "enroll", "said", "serving_url", "with_server"]

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


@contextmanager
def serving_url(service: VoiceprintService) -> Iterator[str]:
    """The address of a server over the service, on a thread of its own: for clients that block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = TestServer(create_app(service, service.settings), loop=loop)
    asyncio.run_coroutine_threadsafe(server.start_server(**RUNNER_OPTIONS), loop).result()
    try:
        yield str(server.make_url("/"))
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
