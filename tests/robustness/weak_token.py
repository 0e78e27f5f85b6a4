"""One ``identify`` token at its worst, a process of its own: ``python weak_token.py PORT SECONDS TOKEN CLAIMED``.

Heavy uploads, idle streams, starts and cancels, timelines, made-up claims, bodies of empty lines: all at once, and
against this machine only.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO

import aiohttp
import av

__all__ = ["abused", "heavy_recording"]

UPLOADS, IDLE, CANCELLED, TIMELINES, CLAIMS, EMPTY_LINES = 10, 16, 8, 4, 2, 4


def heavy_recording(seconds: int = 600) -> bytes:
    """Silence of ten minutes at 192 kHz in 8 channels: FLAC packs it into less than a megabyte."""
    written = BytesIO()
    with av.open(written, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=192_000, layout="7.1")
        frame = av.AudioFrame(format="s16", layout="7.1", samples=4096)
        frame.sample_rate = 192_000
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        for _ in range(seconds * 192_000 // 4096):
            frame.pts = None
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return written.getvalue()


@contextmanager
def abused(port: int, *, seconds: float, token: str, claimed: str, recording: bytes) -> Iterator[None]:
    """While the token does its worst, at the lowest priority."""
    command = [sys.executable, __file__, str(port), str(seconds), token, claimed]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, preexec_fn=lambda: os.nice(19))
    assert process.stdin is not None
    process.stdin.write(recording)
    process.stdin.close()
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def _upload(session: aiohttp.ClientSession, path: str, recording: bytes) -> None:
    async with session.post(path, data=recording) as answer:
        await answer.read()


async def _hello(socket: aiohttp.ClientWebSocketResponse, token: str, **start: object) -> None:
    await socket.send_json({"type": "hello", "version": 1, "token": token})
    await socket.receive()
    await socket.send_json({"type": "start", "encoding": "pcm_s16le", "sample_rate": 16_000, **start})


async def _idle(session: aiohttp.ClientSession, token: str) -> None:
    """A take without a sound, for as long as the server lets it."""
    async with session.ws_connect("/ws") as socket:
        await _hello(socket, token, mode="identify")
        while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass


async def _cancel(session: aiohttp.ClientSession, token: str, claimed: str) -> None:
    """Claims of one speaker that end before anything was said."""
    async with session.ws_connect("/ws") as socket:
        await _hello(socket, token, mode="verify", speaker=claimed)
        while not socket.closed:
            await socket.send_json({"type": "cancel"})
            start = {"type": "start", "encoding": "pcm_s16le", "sample_rate": 16_000}
            await socket.send_json({**start, "mode": "verify", "speaker": claimed})
            await asyncio.sleep(0.02)


async def _claim(session: aiohttp.ClientSession) -> None:
    """Ids that nobody has, as long as a field may be."""
    made_up = f"{time.monotonic_ns()}".ljust(16_000, "x")
    form = aiohttp.FormData({"speaker": made_up})
    form.add_field("audio", b"no sound", filename="a")
    async with session.post("/v1/verify", data=form) as answer:
        await answer.read()


async def _empty_lines(session: aiohttp.ClientSession) -> None:
    """A multipart body that is nothing but empty lines before its first part."""
    head = {"Content-Type": "multipart/form-data; boundary=b"}
    async with session.post("/v1/identify", data=b"\r\n" * 15_000_000, headers=head) as answer:
        await answer.read()


async def _run(port: int, seconds: float, token: str, claimed: str, recording: bytes) -> None:
    until = time.monotonic() + seconds
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers, connector=connector) as session:
        wishes = (
            *[lambda: _upload(session, "/v1/identify", recording)] * UPLOADS,
            *[lambda: _upload(session, "/v1/timeline", recording)] * TIMELINES,
            *[lambda: _idle(session, token)] * IDLE,
            *[lambda: _cancel(session, token, claimed)] * CANCELLED,
            *[lambda: _claim(session)] * CLAIMS,
            *[lambda: _empty_lines(session)] * EMPTY_LINES,
        )

        async def again(wish: object) -> None:
            while time.monotonic() < until:
                with suppress(aiohttp.ClientError, OSError, TimeoutError, RuntimeError):
                    await wish()  # type: ignore[operator]
                await asyncio.sleep(0.05)

        await asyncio.gather(*map(again, wishes))


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4], sys.stdin.buffer.read()))
