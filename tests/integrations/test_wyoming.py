"""The Wyoming bridge between the wyoming package's own client and server, with a real voiceprint server beside them."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

pytest.importorskip("wyoming", reason="the package wyoming is not installed")

from aiohttp.test_utils import TestServer
from support.recordings import pcm
from support.talking import Takes
from support.wyoming_stub import INFO, MODEL, NOWHERE, SAID, bridged, port_of
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.server import AsyncTcpServer

from voiceprint.cli import main
from voiceprint.client import VoiceprintClient
from voiceprint.integrations.bounded_reader import MAX_BYTES
from voiceprint.integrations.wyoming_bridge import BridgeMode, BridgeOptions, bridge_factory
from voiceprint.server import create_app
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService


async def spoken(port: int, audio: bytes, *, rate: int = 16_000) -> list[Event]:
    """All that comes back for one utterance, asked for as Home Assistant does."""
    async with AsyncTcpClient("127.0.0.1", port, read_timeout=30.0) as client:
        await client.write_event(Transcribe(language="en").event())
        await client.write_event(AudioStart(rate=rate, width=2, channels=1).event())
        for at in range(0, len(audio), 2048):
            chunk = AudioChunk(rate=rate, width=2, channels=1, audio=audio[at : at + 2048])
            await client.write_event(chunk.event())
        await client.write_event(AudioStop().event())
        got = []
        while (event := await client.read_event()) is not None:
            got.append(event)
        return got


def test_the_models_of_the_recogniser_are_told() -> None:
    async def run(mode: BridgeMode) -> Info:
        async with bridged(mode) as (_, port), AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            return Info.from_event(event)

    assert asyncio.run(run("context")) == INFO
    gated = asyncio.run(run("gate"))
    assert gated.asr[0].models == [MODEL]
    assert not gated.asr[0].supports_transcript_streaming


def test_audio_goes_on_unchanged_and_so_does_the_transcript_without_a_voiceprint_server() -> None:
    audio = bytes(range(256)) * 100

    async def run() -> None:
        async with bridged() as (stub, port):
            got = await spoken(port, audio)
            assert b"".join(event.payload or b"" for event in stub.got if AudioChunk.is_type(event.type)) == audio
            transcript = Transcript.from_event(got[-1])
            assert (transcript.text, transcript.language) == (SAID, "en")
            lost = {"id": None, "name": None, "status": "unavailable", "band": None}
            assert transcript.context == {"turn": 1, "speaker": lost}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("mode", "text", "events"),
    [("pass", SAID, 3), ("context", SAID, 3), ("tag", SAID, 1), ("gate", "", 1)],
)
def test_without_a_decision_each_mode_does_this(mode: BridgeMode, text: str, events: int) -> None:
    async def run() -> None:
        async with bridged(mode) as (_, port):
            got = await spoken(port, bytes(32_000))
            assert len(got) == events
            transcript = Transcript.from_event(got[-1])
            assert transcript.text == text
            assert transcript.context is not None
            assert ("speaker" in transcript.context) == (mode != "pass")

    asyncio.run(run())


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_the_speaker_is_in_the_transcript(service: VoiceprintService, takes: Takes) -> None:
    ada, stranger, _ = takes.values()
    speaker = service.enroll_new("Ada", [service.admit(service.listen(take)) for take in ada[:2]]).speaker
    known, unknown = pcm(ada[2]), pcm(stranger[0])

    async def said(mode: BridgeMode, url: str, audio: bytes) -> tuple[str, dict[str, object]]:
        async with bridged(mode, url) as (_, port):
            transcript = Transcript.from_event((await spoken(port, audio))[-1])
            assert transcript.context is not None
            return transcript.text, transcript.context["speaker"]

    async def run() -> None:
        server = TestServer(create_app(service, service.settings))
        await server.start_server(**RUNNER_OPTIONS)
        url = str(server.make_url("/"))
        named = {"id": speaker.id, "name": "Ada", "status": "identified", "band": "above"}
        nobody = {"id": None, "name": None, "status": "unknown", "band": "below"}
        assert await said("context", url, known) == (SAID, named)
        assert await said("tag", url, known) == (f"[Ada] {SAID}", named)
        assert await said("tag", url, unknown) == (SAID, nobody)
        assert await said("gate", url, known) == (SAID, named)
        assert await said("gate", url, unknown) == ("", nobody)
        await server.close()

    asyncio.run(run())


def test_a_recogniser_that_falls_over_is_said() -> None:
    async def run() -> list[Event]:
        async with bridged(falls_over=True) as (_, port):
            try:
                return await spoken(port, bytes(2048))
            except ConnectionError:
                return []

    (event,) = asyncio.run(run())
    assert Error.from_event(event).code == "upstream"


def test_no_recogniser_is_said() -> None:
    async def run() -> Event | None:
        bridge = AsyncTcpServer("127.0.0.1", 0)
        async with VoiceprintClient(NOWHERE) as client:
            await bridge.start(bridge_factory(BridgeOptions(upstream="tcp://127.0.0.1:9"), client))
            async with AsyncTcpClient("127.0.0.1", port_of(bridge)) as satellite:
                await satellite.write_event(Describe().event())
                event: Event | None = await satellite.read_event()
            await bridge.stop()
            return event

    event = asyncio.run(run())
    assert event is not None
    assert Error.from_event(event).text == "The speech recogniser behind this bridge cannot be reached."


@pytest.mark.parametrize(
    "bad",
    [
        b"no json\n",
        b"{}\n",
        b"[1]\n",
        b'{"type": "audio-start", "data": 7}\n',
        b'{"type": "audio-start"}\n{"type": "audio-chunk"}\n',
        b'{"type": "audio-chunk", "data_length": 999999999}\n',
        b'{"type": "audio-chunk", "payload_length": %d}\n' % (MAX_BYTES + 1),
        b"x" * 200_000,
        b'{"type": "audio-start"}\n{"type": "audio-chunk", "data": {"rate": 0, "width": 9, "channels": 3}}\n',
        b'{"type": "audio-start"}\n{"type": "audio-chunk", "data": {"rate": 1, "width": 2, "channels": 1}, '
        b'"payload_length": 100000}\n' + bytes(100_000),
    ],
)
def test_bad_input_ends_its_own_connection_only(bad: bytes) -> None:
    async def run(other: Callable[[int], Awaitable[list[Event]]]) -> None:
        async with bridged() as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(bad)
            with suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 10)
            writer.close()
            assert Transcript.from_event((await other(port))[-1]).text == SAID

    asyncio.run(run(lambda port: spoken(port, bytes(4096))))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--listen", "tcp://0.0.0.0:10301"], "--open-network"),
        (["--listen", "tcp://127.0.0.1"], "cannot be used"),
        (["--upstream", "whisper:10300"], "cannot be used"),
        (["--token-file", "/nowhere/token"], "cannot be read"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["wyoming", "--upstream", "tcp://127.0.0.1:9", *options]) == 3
    assert sentence in capsys.readouterr().err


def test_the_command_serves_until_it_is_told_to_stop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voiceprint", "wyoming", "--upstream", "tcp://127.0.0.1:9"]
    with subprocess.Popen([*command, "--listen", f"tcp://127.0.0.1:{port}"], stdout=subprocess.PIPE, text=True) as done:
        assert done.stdout is not None
        assert done.stdout.readline() == f"ready on tcp://127.0.0.1:{port}, before tcp://127.0.0.1:9\n"
        assert main(["wyoming", "--upstream", "tcp://127.0.0.1:9", "--listen", f"tcp://127.0.0.1:{port}"]) == 3
        done.terminate()
        assert done.wait(20) == 0
