"""Which connections make room for another one: the oldest idle ones of the address that has too many."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from weakref import WeakSet

import pytest
from aiohttp import web

from voiceprint.config import Settings
from voiceprint.server.connections import Doorkeeper
from voiceprint.server.tls import load_identity

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HERE, THERE = "127.0.0.1", "127.0.0.2"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Door:
    """A server whose handler answers, and its connections by address."""

    def __init__(self, port: int, busy: "WeakSet[asyncio.Transport]") -> None:
        self.port, self.busy = port, busy
        self.writers: list[asyncio.StreamWriter] = []

    async def open(self, address: str = HERE, *, tls: ssl.SSLContext | None = None) -> Stream:
        """A connection that is through the door."""
        stream = await asyncio.open_connection(HERE, self.port, local_addr=(address, 0), ssl=tls)
        self.writers.append(stream[1])
        await asyncio.sleep(0.01)
        return stream


@asynccontextmanager
async def door(*, most: int, most_an_address: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Door]:
    spoken, busy = WeakSet[asyncio.Transport](), WeakSet[asyncio.Transport]()

    async def answer(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        spoken.add(request.transport)
        return web.Response(text="here")

    server = web.Server(answer)
    factory = Doorkeeper(server, spoken, busy, most=most, most_an_address=most_an_address, tls=tls)
    listening = await asyncio.get_running_loop().create_server(factory, HERE, 0)
    opened = Door(listening.sockets[0].getsockname()[1], busy)
    try:
        yield opened
    finally:
        for writer in opened.writers:
            writer.close()
        listening.close()
        await server.shutdown()
        # What TLS still has to say, so that no transport is left to the collector.
        await asyncio.sleep(0.05)


async def is_cut(stream: Stream) -> bool:
    with suppress(ConnectionError, TimeoutError):
        return await asyncio.wait_for(stream[0].read(1), 0.2) == b""
    return stream[0].at_eof() or stream[0].exception() is not None


async def answers(stream: Stream) -> bool:
    stream[1].write(REQUEST)
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        await asyncio.wait_for(stream[0].readuntil(b"here"), 2)
        return True
    return False


def test_beyond_its_own_number_an_address_loses_its_oldest_and_no_other_does() -> None:
    async def run() -> None:
        async with door(most=100, most_an_address=4) as entrance:
            elsewhere = [await entrance.open(THERE) for _ in range(3)]
            mine = [await entrance.open() for _ in range(6)]
            assert [await is_cut(one) for one in mine] == [True, True, False, False, False, False]
            assert not any([await is_cut(one) for one in elsewhere])

    asyncio.run(run())


def test_one_that_brought_a_request_is_the_last_to_go() -> None:
    async def run() -> None:
        async with door(most=100, most_an_address=3) as entrance:
            spoken = await entrance.open()
            assert await answers(spoken)
            mute = [await entrance.open() for _ in range(5)]
            assert [await is_cut(one) for one in mute] == [True, True, True, False, False]
            assert await answers(spoken)

    asyncio.run(run())


def test_where_all_are_busy_the_new_one_is_cut() -> None:
    async def run() -> None:
        async with door(most=100, most_an_address=2) as entrance:
            first = [await entrance.open() for _ in range(2)]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(type(entrance.busy), "__contains__", lambda *_: True)
                late = await entrance.open()
                assert await is_cut(late)
            assert [await answers(one) for one in first] == [True, True]

    asyncio.run(run())


def test_beyond_the_number_of_all_the_address_that_has_most_loses_its_oldest() -> None:
    async def run() -> None:
        async with door(most=6, most_an_address=100) as entrance:
            few = [await entrance.open(THERE) for _ in range(2)]
            many = [await entrance.open() for _ in range(4)]
            few.append(await entrance.open(THERE))
            assert [await is_cut(one) for one in many] == [True, False, False, False]
            assert not any([await is_cut(one) for one in few])

    asyncio.run(run())


def test_closed_ones_do_not_count() -> None:
    async def run() -> None:
        async with door(most=100, most_an_address=3) as entrance:
            kept = await entrance.open()
            for _ in range(20):
                _, writer = await entrance.open()
                writer.close()
                await asyncio.sleep(0.01)
            assert not await is_cut(kept)

    asyncio.run(run())


CHUNKED = b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(("size", "cut"), [(1, True), (16, True), (1000, False)])
def test_a_body_in_tiny_pieces_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch, size: int, cut: bool) -> None:
    monkeypatch.setattr("voiceprint.server.reading.STALL_SECONDS", 0.1)
    piece = b"%x\r\n%b\r\n" % (size, b"x" * size)

    async def run() -> None:
        async with door(most=10, most_an_address=10) as entrance:
            reader, writer = await entrance.open()
            writer.write(CHUNKED + piece * (200_000 // len(piece)))
            await asyncio.wait_for(reader.readuntil(b"here"), 2)
            if cut:
                assert await asyncio.wait_for(closed(reader), 2)
            else:
                writer.write(b"0\r\n\r\n")
                assert await answers((reader, writer))

    async def closed(reader: asyncio.StreamReader) -> bool:
        with suppress(ConnectionError):
            await reader.read()
        return True

    asyncio.run(run())


def test_a_client_that_never_shakes_hands_counts_too(tmp_path: Path) -> None:
    identity = load_identity(Settings(lan=True), tmp_path)
    assert identity is not None
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE

    async def run() -> None:
        async with door(most=100, most_an_address=4, tls=identity.context) as entrance:
            honest = await entrance.open(tls=trusting)
            assert await answers(honest)
            mute = [await entrance.open() for _ in range(6)]
            assert [await is_cut(one) for one in mute] == [True, True, True, False, False, False]
            assert await answers(honest)
            assert await answers(await entrance.open(tls=trusting))

    asyncio.run(run())
