"""The real process from outside: a clip streamed at it, a restart, and a search of everything that it left on disk."""

import asyncio
import base64
import io
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from support.recordings import pcm, wav
from support.serving import Server, serving

from voiceprint.api import messages
from voiceprint.api.messages import Cancel, Enrolled, Error, Hello, Result, ServerMessage, Start, Stop
from voiceprint.audio.decoding import Waveform
from voiceprint.audio.vad import VoiceActivity, listen
from voiceprint.domain.vocabulary import Consent
from voiceprint.encoding.encoder import Encoder

Takes = dict[str, list[Waveform]]
NAME = "Adelheid Wagenknecht-Öztürk"
CONSENT = Consent(purpose="to be recognised at the door")
FRAME = 3200


class Live:
    """One WebSocket to a running server."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, message: messages.ClientMessage) -> None:
        await self.socket.send_str(messages.encode(message))

    async def hear(self) -> ServerMessage:
        return messages.decode_server(await self.socket.receive_str(timeout=60))

    async def take(self, waveform: Waveform, **fields: object) -> ServerMessage:
        start = {"mode": "identify", "encoding": "pcm_s16le", "sample_rate": 16_000, **fields}
        await self.say(Start(**start))  # type: ignore[arg-type]
        audio = pcm(waveform)
        for at in range(0, len(audio), FRAME):
            await self.socket.send_bytes(audio[at : at + FRAME])
        await self.say(Stop())
        while True:
            message = await self.hear()
            if isinstance(message, Enrolled | Error) or (isinstance(message, Result) and message.final):
                return message


def talk(server: Server, conversation: Callable[[aiohttp.ClientSession, Live], Awaitable[None]]) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession(server.url) as session, session.ws_connect("/ws") as socket:
            live = Live(socket)
            await live.say(Hello(version=1))
            await live.hear()
            await conversation(session, live)

    asyncio.run(run())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "temporary").mkdir()
    return tmp_path


def environ(folder: Path) -> dict[str, str]:
    return {"TMPDIR": str(folder / "temporary"), "HOME": str(folder / "home")}


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_enroll_live_restart_and_be_known(folder: Path, takes: Takes) -> None:
    ada, _, stranger = takes.values()

    async def enroll(_: aiohttp.ClientSession, live: Live) -> None:
        first = await live.take(ada[0], mode="enroll", name=NAME, consent=CONSENT)
        assert isinstance(first, Enrolled)
        second = await live.take(ada[1], mode="enroll", speaker=first.speaker.id)
        assert isinstance(second, Enrolled)
        assert second.enrollments == 2

    async def ask(session: aiohttp.ClientSession, live: Live) -> None:
        known = await live.take(ada[2])
        assert isinstance(known, Result)
        assert (known.status, known.speaker and known.speaker.name) == ("identified", NAME)
        unknown = await live.take(stranger[0])
        assert isinstance(unknown, Result)
        assert unknown.status == "unknown"
        ready = await (await session.get("/readyz")).json()
        assert (ready["ready"], ready["speakers"]) == (True, 1)

    with serving(folder, environ=environ(folder)) as server:
        talk(server, enroll)
    with serving(folder, environ=environ(folder)) as server:
        talk(server, ask)


def serve_until_killed(folder: Path, conversation: Callable[[aiohttp.ClientSession, Live], Awaitable[None]]) -> None:
    with serving(folder, environ=environ(folder)) as server:
        talk(server, conversation)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()


def clear_forms(vector: np.ndarray) -> list[bytes]:
    """What a template would look like on disk: three precisions, both byte orders, base64."""
    forms = []
    for kind in ("f2", "f4", "f8"):
        for order in "<>":
            raw = vector.astype(order + kind).tobytes()
            forms += [raw[at : at + 24] for at in range(0, len(raw) - 24, 24)]
            forms += [base64.b64encode(raw[at:])[4:36] for at in range(3)]
    return forms


def search(folder: Path, needles: list[bytes]) -> list[tuple[str, int]]:
    hits = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            hits += [(path.name, number) for number, needle in enumerate(needles) if needle in content]
    return hits


def test_nothing_on_disk_is_audio_or_a_clear_template_even_after_a_kill(
    folder: Path, takes: Takes, encoder: Encoder, voice_activity: VoiceActivity
) -> None:
    ada, ben, other = takes.values()
    long = Waveform(np.concatenate([take.samples for take in ben] * 2)[: 16_000 * 60])
    assert len(wav(long)) > 2**20  # what aiohttp's own form reader would spool to the temporary folder

    async def use_every_path(session: aiohttp.ClientSession, live: Live) -> None:
        enrolled = await live.take(ada[0], mode="enroll", name=NAME, consent=CONSENT)
        assert isinstance(enrolled, Enrolled)
        await live.take(ada[1])
        form = aiohttp.FormData({"name": "Ben"})
        form.add_field("audio", io.BytesIO(wav(long)), filename="ben.wav")
        assert (await session.post("/v1/speakers", data=form)).status == 201
        assert (await session.post("/v1/identify", data=wav(ben[1]))).status == 200
        assert (await session.post("/v1/identify", data=b"<html>" + wav(other[0]))).status == 422
        assert isinstance(
            await live.take(Waveform(other[0].samples[:8000]), mode="enroll", name="Short", consent=CONSENT), Error
        )
        await live.say(Start(mode="identify", encoding="pcm_s16le", sample_rate=16_000))
        await live.socket.send_bytes(pcm(other[1])[:FRAME])
        await live.say(Cancel())
        cut_off = Start(mode="enroll", encoding="pcm_s16le", sample_rate=16_000, name="Cut off", consent=CONSENT)
        await live.say(cut_off)
        for at in range(0, 20 * FRAME, FRAME):
            await live.socket.send_bytes(pcm(other[1])[at : at + FRAME])
        await live.socket.receive_str(timeout=60)

    with pytest.raises(AssertionError, match="ended with -9"):
        serve_until_killed(folder, use_every_path)

    heard = [ada[0], ada[1], long, ben[1], other[0], other[1]]
    audio = [pcm(clip)[at : at + 64] for clip in heard for at in range(32_000, 48_000, 1600)]
    audio += [clip.samples[at : at + 16].tobytes() for clip in heard for at in range(16_000, 24_000, 800)]
    rows = encoder.encode([listen(clip, voice_activity).speech for clip in (ada[0], long)])
    templates = [form for row in rows for form in clear_forms(row)]
    names = [NAME.encode(), json.dumps(NAME).encode(), NAME.encode("utf-16-le")]
    assert (folder / "index" / "voiceprint.db").stat().st_size > 10_000
    assert search(folder, audio) == []
    assert search(folder, templates) == []
    assert search(folder, names) == []


def test_the_search_would_find_what_it_looks_for(tmp_path: Path, takes: Takes, encoder: Encoder) -> None:
    clip = next(iter(takes.values()))[0]
    row = encoder.encode([clip])[0]
    (tmp_path / "leak").write_bytes(b"x" * 7 + row.astype(">f8").tobytes())
    (tmp_path / "text").write_bytes(b'{"v":"' + base64.b64encode(b"ab" + row.tobytes()) + b'"}')
    (tmp_path / "clip").write_bytes(b"\1" + pcm(clip))
    found = {name for name, _ in search(tmp_path, [*clear_forms(row), pcm(clip)[32_000:32_064]])}
    assert found == {"leak", "text", "clip"}
