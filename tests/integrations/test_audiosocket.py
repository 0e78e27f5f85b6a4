"""Calls over AudioSocket, as an Asterisk sends them, with a real voiceprint server behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer
from support.calls import audiosocket_frame as frame
from support.calls import audiosocket_frames, narrow
from support.recordings import pcm
from support.talking import Takes

from voiceprint.cli import main
from voiceprint.client import VoiceprintClient
from voiceprint.integrations.audiosocket import Calls
from voiceprint.integrations.calls import CallDecision
from voiceprint.server import create_app
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService

NOWHERE = "http://127.0.0.1:9"
KEY_PRESSED, AUDIO, AUDIO_16K, FAILED = 0x03, 0x10, 0x12, 0xFF


def leg(number: int, audio: bytes, *, kind: int = AUDIO, ends: bool = True) -> bytes:
    """All that an Asterisk sends for a call: its id, 20 ms at a time, a key, and the end."""
    call, *frames = audiosocket_frames(number, audio, kind=kind)
    key, failed, end = frame(KEY_PRESSED, b"5"), frame(FAILED, b"\1"), frame(0x00) if ends else b""
    return b"".join([call, key, *frames, failed, end])


@asynccontextmanager
async def listening(url: str, *, speech_seconds: float = 60.0) -> AsyncIterator[tuple[int, dict[int, CallDecision]]]:
    """The port, and the decisions by the number of the call; at the end of a call, where its speech is short."""
    found: dict[int, CallDecision] = {}
    async with VoiceprintClient(url) as client:
        calls = Calls(
            client,
            lambda decision: found.update({UUID(decision.call).int: decision}),
            speech_seconds=speech_seconds,
        )
        async with await asyncio.start_server(calls.handle, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1], found


async def called(port: int, sent: bytes) -> None:
    """Send all of it, and wait until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    writer.write_eof()
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 60)
    writer.close()


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_each_leg_gets_its_speaker(service: VoiceprintService, takes: Takes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voiceprint.integrations.calls.RESULT_SECONDS", 60.0)  # on a machine busy with other work
    ada, stranger, _ = takes.values()
    speaker = service.enroll_new("Ada", [service.admit(service.listen(take)) for take in ada[:2]]).speaker
    legs = [
        leg(1, narrow(ada[2])),
        leg(2, narrow(stranger[0])),
        leg(3, pcm(ada[2]), kind=AUDIO_16K, ends=False),
        leg(4, narrow(ada[2])[:6400]),
        leg(5, b""),
        leg(6, narrow(ada[2])[:-1], ends=False) + b"\x10\x01",
    ]

    async def run() -> dict[int, CallDecision]:
        server = TestServer(create_app(service, service.settings))
        await server.start_server(**RUNNER_OPTIONS)
        async with listening(str(server.make_url("/"))) as (port, found):
            await asyncio.gather(*(called(port, sent) for sent in legs))
        await server.close()
        return found

    found = asyncio.run(run())
    said = {number: (one.status, one.name) for number, one in found.items()}
    short, nobody = ("not_enough_speech", None), ("unknown", None)
    assert said == {
        1: ("identified", "Ada"),
        2: nobody,
        3: ("identified", "Ada"),
        4: short,
        5: short,
        6: ("identified", "Ada"),
    }
    assert (found[1].speaker_id, found[1].band) == (speaker.id, "above")


def test_a_call_that_goes_on_is_decided_on_when_enough_was_said(service: VoiceprintService, takes: Takes) -> None:
    async def run() -> dict[int, CallDecision]:
        server = TestServer(create_app(service, service.settings))
        await server.start_server(**RUNNER_OPTIONS)
        async with listening(str(server.make_url("/")), speech_seconds=2.0) as (port, found):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(leg(8, narrow(next(iter(takes.values()))[0]), ends=False))
            async with asyncio.timeout(60):
                while not found:
                    await asyncio.sleep(0.05)
            writer.close()
        await server.close()
        return found

    assert {number: one.status for number, one in asyncio.run(run()).items()} == {8: "unknown"}


def test_a_call_without_a_server_is_unavailable_and_hangs_nothing() -> None:
    async def run() -> dict[int, CallDecision]:
        async with listening(NOWHERE) as (port, found):
            await called(port, leg(1, bytes(32_000)))
        return found

    assert {number: one.status for number, one in asyncio.run(run()).items()} == {1: "unavailable"}


@pytest.mark.parametrize(
    "bad",
    [b"", b"GET / HTTP/1.1\r\n\r\n", frame(AUDIO, bytes(320)), frame(0x01, b"short"), b"\x01\x00", frame(0x01)],
)
def test_what_is_no_call_ends_its_own_connection_only(bad: bytes) -> None:
    async def run() -> dict[int, CallDecision]:
        async with listening(NOWHERE) as (port, found):
            await called(port, bad)
            await called(port, leg(7, bytes(640)))
        return found

    assert list(asyncio.run(run())) == [7]


@pytest.mark.parametrize(
    ("listen", "sentence"),
    [("tcp://0.0.0.0:9092", "--open-network"), ("tcp://127.0.0.1", "HOST:PORT"), ("unix:///tmp/a", "HOST:PORT")],
)
def test_an_address_that_cannot_be_used_is_refused(
    listen: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audiosocket", "--listen", listen]) == 3
    assert sentence in capsys.readouterr().err
