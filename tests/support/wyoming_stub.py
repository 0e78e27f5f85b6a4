"""A Wyoming recogniser that knows what it will hear, and a bridge before it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart
from wyoming.audio import AudioChunk, AudioStop
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
from wyoming.server import AsyncEventHandler, AsyncTcpServer

from voiceprint.client import VoiceprintClient
from voiceprint.integrations.wyoming_bridge import BridgeMode, BridgeOptions, bridge_factory

__all__ = ["INFO", "MODEL", "NOWHERE", "SAID", "BridgeMode", "Recogniser", "bridged", "port_of"]

SAID = "turn on the light"
NOWHERE = "http://127.0.0.1:9"
_BY = Attribution(name="a", url="b")
MODEL = AsrModel(name="tiny", attribution=_BY, installed=True, description="d", version="1", languages=["en"])
INFO = Info(
    asr=[
        AsrProgram(
            name="stub",
            attribution=_BY,
            installed=True,
            description="d",
            version="1",
            models=[MODEL],
            supports_transcript_streaming=True,
        )
    ]
)


class Recogniser(AsyncEventHandler):
    """A stub: knows what it will hear, keeps what it gets, and closes after each transcript, as whisper's does."""

    got: list[Event]
    falls_over = False

    async def handle_event(self, event: Event) -> bool:
        self.got.append(event)
        if Describe.is_type(event.type):
            await self.write_event(INFO.event())
        if self.falls_over and AudioChunk.is_type(event.type):
            return False
        if AudioStop.is_type(event.type):
            await self.write_event(TranscriptStart().event())
            await self.write_event(TranscriptChunk(text=SAID).event())
            await self.write_event(Transcript(text=SAID, language="en", context={"turn": 1}).event())
            return False
        return True


def port_of(server: AsyncTcpServer) -> int:
    assert isinstance(server._server, asyncio.Server)
    return int(server._server.sockets[0].getsockname()[1])


@asynccontextmanager
async def bridged(mode: BridgeMode = "context", url: str = NOWHERE, **stub: object) -> AsyncIterator[tuple[Any, int]]:
    """The stub's class, with all that it got, and the port of a bridge before it."""
    kind = type("Stub", (Recogniser,), {"got": [], **stub})
    recogniser, bridge = AsyncTcpServer("127.0.0.1", 0), AsyncTcpServer("127.0.0.1", 0)
    await recogniser.start(kind)
    options = BridgeOptions(upstream=f"tcp://127.0.0.1:{port_of(recogniser)}", mode=mode, patience=20.0)
    async with VoiceprintClient(url) as client:
        await bridge.start(bridge_factory(options, client))
        yield kind, port_of(bridge)
        await bridge.stop()
        await recogniser.stop()
        await asyncio.sleep(0.05)  # both close their connections
