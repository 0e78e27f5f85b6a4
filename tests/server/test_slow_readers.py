"""Readers that take nothing of what they are sent are cut by a deadline; everybody else is served."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from voiceprint.api import desk
from voiceprint.api.messages import SpeakerInfo, SpeakerList
from voiceprint.api.presenters import speaker_list
from voiceprint.config import Settings
from voiceprint.server import create_app, limits, live, run, slow_readers
from voiceprint.server.context import CONTEXT
from voiceprint.server.slow_readers import SlowReaders
from voiceprint.server.tls import LAN_CERT, load_identity
from voiceprint.service.service import VoiceprintService

PATIENCE, WHOLE_TEST = 0.6, 30.0
MANY = 4_000
MOST_UNREAD = 96 * 2**10  # on the WebSocket
HOST = "Host: localhost\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Connection(asyncio.Transport):
    """What is looked at of one."""

    def __init__(self, unread: int = 0) -> None:
        super().__init__()
        self.unread = unread

    def get_write_buffer_size(self) -> int:
        return self.unread


def test_a_reader_has_a_time_and_more_for_a_larger_answer() -> None:
    readers, small, large = SlowReaders(seconds=2.0, max_bytes=10**9), Connection(10), Connection(5 * 10**6)
    everybody = [small, large, Connection()]
    assert readers.look(everybody, 0.0) == []
    large.unread = 10
    assert readers.look(everybody, 1.9) == []
    assert readers.look(everybody, 2.1) == [small]
    assert set(readers.look([], 7.1)) == {small, large}  # aiohttp forgets those that it waits for to close


def test_another_answer_begins_anew_and_one_that_was_taken_is_forgotten() -> None:
    readers, one = SlowReaders(seconds=2.0, max_bytes=10**9), Connection(10)
    assert readers.look([one], 0.0) == []
    one.unread = 20
    assert readers.look([one], 1.0) == []
    assert readers.look([one], 2.9) == []
    one.unread = 0
    assert readers.look([one], 3.0) == []
    one.unread = 5
    assert readers.look([one], 4.0) == []
    assert readers.look([one], 6.1) == [one]


def test_who_has_waited_longest_goes_where_too_much_waits_for_all() -> None:
    readers, first, second = SlowReaders(seconds=99.0, max_bytes=100), Connection(60), Connection(40)
    assert readers.look([first], 0.0) == []
    assert readers.look([first, second], 1.0) == []
    second.unread = 50
    assert readers.look([first, second], 2.0) == [first]


Talk = Callable[[int, web.Application], Awaitable[None]]


def with_server(service: VoiceprintService, talk: Talk, tls: ssl.SSLContext | None = None) -> None:
    """The server as it runs, on a socket that holds little of what is not read."""

    async def listen() -> None:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        app, stop = create_app(service, service.settings), asyncio.Event()
        runner = web.AppRunner(app, **run.RUNNER_OPTIONS)
        await runner.setup()
        await web.SockSite(runner, listening, ssl_context=tls).start()
        until = asyncio.create_task(run._until(stop, runner, app))
        try:
            async with asyncio.timeout(WHOLE_TEST):
                await talk(listening.getsockname()[1], app)
        finally:
            stop.set()
            await until
            await runner.cleanup()

    asyncio.run(listen())


async def reader_that_stops(port: int) -> socket.socket:
    """A connection with little room for what comes."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
    return made


def masked(payload: bytes, opcode: int) -> bytes:
    """A frame of the WebSocket, as clients send it, under a mask of zeros."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + bytes(4) + payload


async def until_cut(stalled: socket.socket, port: int, app: web.Application) -> int:
    """Wait until the server is rid of a connection whose client reads nothing; others are served meanwhile.

    The most bytes seen that waited for it.
    """
    slowest, most = 0.0, 0
    async with aiohttp.ClientSession() as client:
        while not (mine := _connection(stalled, app)) or not _is_cut(mine):
            most = max(most, slow_readers._unread(mine) if mine else 0)
            asked = time.monotonic()
            async with client.get(f"http://127.0.0.1:{port}/healthz") as answer:
                assert answer.status == 200
            slowest = max(slowest, time.monotonic() - asked)
            await asyncio.sleep(0.05)
    assert slowest < 1.0
    return most


def _connection(stalled: socket.socket, app: web.Application) -> asyncio.Transport | None:
    """The server's end."""
    ours = stalled.getsockname()
    return next((one for one in app[CONTEXT].spoken if one.get_extra_info("peername") == ours), None)


def _is_cut(connection: asyncio.Transport) -> bool:
    """Not only asked to close, which waits for the reader."""
    return connection.is_closing() and slow_readers._unread(connection) == 0


@pytest.fixture
def crowd(service: VoiceprintService, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many people as make a list of a megabyte."""
    one = SpeakerInfo(
        id="0" * 32, name="Ada", enrollments=1, speech_seconds_total=1.0, created_at="", kept_until="",
        kept_because="not_seen",
    )  # fmt: skip
    everybody = SpeakerList(speakers=(one,) * MANY)
    assert type(speaker_list(service, None)) is SpeakerList
    monkeypatch.setattr(desk, "speaker_list", lambda *_, **__: everybody)


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("path", ["/v1/speakers", "/style.css"])
def test_an_http_reader_that_takes_nothing_is_cut(
    service: VoiceprintService, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(slow_readers, "READ_SECONDS", PATIENCE)

    async def talk(port: int, app: web.Application) -> None:
        loop = asyncio.get_running_loop()
        for ask in (f"GET {path} HTTP/1.1\r\n{HOST}" * 3, f"GET {path} HTTP/1.0\r\n{HOST}"):
            stalled = await reader_that_stops(port)
            await loop.sock_sendall(stalled, ask.encode())
            await until_cut(stalled, port, app)
            stalled.close()
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/v1/speakers") as answer:
            assert len(msgspec.json.decode(await answer.read(), type=SpeakerList).speakers) == MANY
        assert app[CONTEXT].uploads.held_bytes.total() == 0

    with_server(service, talk)


@pytest.mark.usefixtures("crowd")
def test_a_reader_is_cut_under_tls_too(
    service: VoiceprintService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(slow_readers, "READ_SECONDS", PATIENCE)
    identity = load_identity(Settings(lan=True), tmp_path)
    assert identity is not None
    trusting = ssl.create_default_context(cafile=str(tmp_path / LAN_CERT))

    async def talk(port: int, app: web.Application) -> None:
        stalled = await reader_that_stops(port)
        _, writer = await asyncio.open_connection(sock=stalled, ssl=trusting, server_hostname="localhost", limit=1024)
        writer.write(f"GET /v1/speakers HTTP/1.1\r\n{HOST}".encode())
        while not (mine := _connection(stalled, app)) or not slow_readers._unread(mine):
            await asyncio.sleep(0.05)
        while slow_readers._unread(mine):
            await asyncio.sleep(0.05)
        assert mine.is_closing()
        second = await reader_that_stops(port)  # looked at beside one that is gone
        _, other = await asyncio.open_connection(sock=second, ssl=trusting, server_hostname="localhost", limit=1024)
        other.write(f"GET /v1/speakers HTTP/1.1\r\n{HOST}".encode())
        while not all(one.is_closing() for one in app[CONTEXT].spoken) or len(app[CONTEXT].spoken) < 2:
            await asyncio.sleep(0.05)
        other.transport.abort()
        writer.transport.abort()

    with_server(service, talk, identity.context)


def test_a_websocket_reader_that_takes_nothing_is_cut(
    service: VoiceprintService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_SECONDS", PATIENCE)
    monkeypatch.setattr(limits, "FRAMES_AT_ONCE", 10_000.0)  # it sends at once what takes minutes otherwise
    hello = masked(b'{"type":"hello","version":1}', 1)
    start = masked(b'{"type":"start","mode":"identify","encoding":"pcm_s16le","sample_rate":16000}', 1)
    cancel = masked(b'{"type":"cancel"}', 1)
    nobody = masked(b'{"type":"start","mode":"verify","encoding":"pcm_s16le","sample_rate":16000}', 1)

    async def talk(port: int, app: web.Application) -> None:
        loop, stalled = asyncio.get_running_loop(), await reader_that_stops(port)
        await loop.sock_sendall(stalled, UPGRADE + hello + start + masked(bytes(3200), 2) * 20 + cancel)
        sending = asyncio.create_task(loop.sock_sendall(stalled, (nobody + masked(bytes(320), 2)) * 1500))
        assert 0 < await until_cut(stalled, port, app) < MOST_UNREAD
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        stalled.close()
        for _ in range(100):
            if not app[CONTEXT].sockets:
                break
            await asyncio.sleep(0.05)
        assert not app[CONTEXT].sockets

    with_server(service, talk)
