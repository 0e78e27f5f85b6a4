"""What the server takes at once: beyond it one clear refusal, and everybody else is served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from weakref import WeakSet

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from support.talking import Client, with_server

from voiceprint.api import messages
from voiceprint.api.messages import Error
from voiceprint.errors import LimitError, MessageError
from voiceprint.server import create_app, limits
from voiceprint.server.context import CONTEXT
from voiceprint.server.limits import FRAMES_A_SECOND, FRAMES_AT_ONCE, StreamRateLimit, Uploads, cut_silent
from voiceprint.service.service import VoiceprintService


def test_whole_recordings_in_work_are_counted() -> None:
    uploads = Uploads(max_working=1, max_body_bytes=100)
    with uploads.slot() as first, uploads.slot() as second:
        first.expect()
        second.expect()
        first.work()
        for refused in (second.expect, second.work):
            with pytest.raises(LimitError) as caught:
                refused()
            assert (caught.value.code, caught.value.retry_seconds) == ("too_many_uploads", 5)
        first.leave()
        second.work()
    assert (uploads.working.total(), uploads.held_bytes.total()) == (0, 0)


def test_bodies_on_their_way_count_by_their_bytes() -> None:
    uploads = Uploads(max_working=1, max_body_bytes=100)
    with uploads.slot() as stalled, uploads.slot() as other:
        stalled.hold(399)
        other.hold(1)
        with pytest.raises(LimitError):
            other.hold(1)
        stalled.leave()
        other.hold(300)
    assert uploads.held_bytes.total() == 0


def test_audio_may_run_ahead_of_real_time_only_so_far() -> None:
    now = [0.0]
    pace, second = StreamRateLimit(max_ahead_seconds=2.0, clock=lambda: now[0]), bytes(32_000)
    pace.take(second, 32_000)
    pace.take(second, 32_000)
    now[0] = 1.0
    pace.take(second, 32_000)
    with pytest.raises(MessageError) as caught:
        pace.take(second, 32_000)
    assert caught.value.code == "too_fast"


def test_frames_in_real_time_never_meet_the_limit_and_a_flood_does() -> None:
    now = [0.0]
    pace = StreamRateLimit(max_ahead_seconds=2.0, clock=lambda: now[0])
    for _ in range(10_000):
        now[0] += 0.01
        pace.take(bytes(320), 32_000)
    with pytest.raises(MessageError) as caught:
        _flood(pace, int(FRAMES_AT_ONCE + FRAMES_A_SECOND))
    assert caught.value.code == "too_many_frames"


def _flood(pace: StreamRateLimit, frames: int) -> None:
    for _ in range(frames):
        pace.take(b"", 32_000)


async def _slowly(begun: asyncio.Event, go_on: asyncio.Event) -> AsyncIterator[bytes]:
    yield b"RIFF"
    begun.set()
    await go_on.wait()


def test_stalled_bodies_keep_nobody_out_and_too_many_recordings_are_refused(service: VoiceprintService) -> None:
    async def talk(client: Client) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()
        stalled = [
            asyncio.create_task(client.post("/v1/identify", data=_slowly(begun, go_on)))
            for _ in range(2 * service.settings.max_uploads)
        ]
        await asyncio.wait_for(begun.wait(), 10)
        heard = await client.post("/v1/identify", data=b"no sound")
        assert (await heard.json())["error"]["code"] == "not_audio"
        go_on.set()
        codes = [(await (await answer).json())["error"]["code"] for answer in stalled]
        assert set(codes) <= {"not_audio", "audio_damaged", "too_many_uploads"}

    with_server(service, talk)


def test_no_room_is_one_sentence_and_a_time_to_come_back(service: VoiceprintService) -> None:
    async def run() -> None:
        app = create_app(service, service.settings)
        uploads = app[CONTEXT].uploads
        async with TestClient(TestServer(app)) as client:
            with uploads.slot() as other:
                other.hold(uploads.max_bytes - 1)
                refused = await client.post("/v1/identify", data=b"no sound")
                assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
                assert (await refused.json())["error"]["code"] == "too_many_uploads"
                assert (await client.get("/healthz")).status == 200
            taken = await client.post("/v1/identify", data=b"no sound")
            assert (await taken.json())["error"]["code"] == "not_audio"
        assert (uploads.working.total(), uploads.held_bytes.total()) == (0, 0)

    asyncio.run(run())


def test_a_flood_of_frames_closes_one_socket(service: VoiceprintService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FRAMES_AT_ONCE", 20.0)
    monkeypatch.setattr(limits, "FRAMES_A_SECOND", 1.0)

    async def talk(client: Client) -> None:
        async with client.ws_connect("/ws") as socket:
            await socket.send_str('{"type":"hello","version":1}')
            await socket.send_str('{"type":"start","mode":"identify","encoding":"pcm_s16le","sample_rate":16000}')
            with suppress(ConnectionError, aiohttp.ClientError):
                for _ in range(40):
                    await socket.send_bytes(b"")
            last = None
            async for frame in socket:
                last = messages.decode_server(frame.data)
            assert isinstance(last, Error)
            assert last.code == "too_many_frames"
            assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert (await client.get("/healthz")).status == 200

    with_server(service, talk)


def test_a_connection_that_says_nothing_is_cut_and_the_others_stay() -> None:
    spoken: WeakSet[asyncio.Transport] = WeakSet()

    async def answer(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        spoken.add(request.transport)
        return web.Response(text="here")

    async def run() -> None:
        server = web.Server(answer)
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        cutting = asyncio.create_task(cut_silent(server, spoken, seconds=0.2))
        silent, silent_writer = await asyncio.open_connection("127.0.0.1", port)
        talking, talking_writer = await asyncio.open_connection("127.0.0.1", port)
        silent_writer.write(b"GET / HT")
        talking_writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await talking.readline()).startswith(b"HTTP/1.1 200")
        with suppress(ConnectionError):
            assert await asyncio.wait_for(silent.read(), 5) == b""
        talking_writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200" in await asyncio.wait_for(talking.readuntil(b"200 OK"), 5)
        cutting.cancel()
        silent_writer.close()
        talking_writer.close()
        listening.close()
        await server.shutdown()

    asyncio.run(run())
