"""Media streams as Twilio and Telnyx send them, with a real voiceprint server behind."""

import asyncio
import json
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from support.calls import mulaw
from support.talking import Takes

from voiceprint.cli import main
from voiceprint.client import VoiceprintClient
from voiceprint.integrations.calls import CallDecision
from voiceprint.integrations.media_streams import MediaCalls
from voiceprint.integrations.media_streams_server import build_app
from voiceprint.server import create_app
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService

NOWHERE = "http://127.0.0.1:9"
FRAME = 160  # 20 ms
# On a machine that is busy with other work.
PATIENCE_SECONDS = 60.0
Frames = list[dict[str, Any]]


def payloads(audio: bytes) -> list[str]:
    return [b64encode(audio[at : at + FRAME]).decode() for at in range(0, len(audio), FRAME)]


def twilio(call: str, audio: bytes, *, ends: bool = True, **parameters: str) -> Frames:
    """A call with numbers as text, as Twilio writes them."""
    started = {
        "accountSid": "AC1", "streamSid": "MZ1", "callSid": call, "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}, "customParameters": parameters,
    }  # fmt: skip
    frames: Frames = [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {"event": "start", "sequenceNumber": "1", "start": started, "streamSid": "MZ1"},
        {"event": "dtmf", "streamSid": "MZ1", "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "1"}},
    ]
    for chunk, payload in enumerate(payloads(audio), 1):
        media = {"track": "inbound", "chunk": str(chunk), "timestamp": str(20 * chunk), "payload": payload}
        frames.append({"event": "media", "sequenceNumber": str(chunk + 2), "media": media, "streamSid": "MZ1"})
    stop = {"event": "stop", "sequenceNumber": "9", "stop": {"accountSid": "AC1", "callSid": call}, "streamSid": "MZ1"}
    return [*frames, stop] if ends else frames


def telnyx(call: str, audio: bytes, other: bytes = b"", encoding: str = "PCMU", **parameters: str) -> Frames:
    """A call of two legs whose frames come in pairs that were swapped."""
    form = {"encoding": encoding, "sample_rate": 8000, "channels": 1}
    started = {"user_id": "u", "call_control_id": call, "media_format": form, "custom_parameters": parameters}
    legs = [
        [
            {"event": "media", "stream_id": "1", "media": {"track": track, "chunk": str(chunk), "payload": payload}}
            for chunk, payload in enumerate(payloads(heard), 1)
        ]
        for track, heard in (("inbound", audio), ("outbound", other))
    ]
    media = [frame for leg in legs for at in range(0, len(leg), 2) for frame in reversed(leg[at : at + 2])]
    start = {"event": "start", "sequence_number": "1", "stream_id": "1", "start": started}
    return [{"event": "connected", "version": "1.0.0"}, start, *media, media[0], {"event": "stop", "stream_id": "1"}]


@asynccontextmanager
async def listening(url: str, secret: str | None = None) -> AsyncIterator[tuple[str, list[CallDecision]]]:
    """The address for calls, and the decisions as they come."""
    found: list[CallDecision] = []
    async with VoiceprintClient(url) as client:
        server = TestServer(build_app(MediaCalls(client, found.append, speech_seconds=60.0), secret))
        await server.start_server()
        yield str(server.make_url("/")), found
        await server.close()


async def called(url: str, frames: Sequence[dict[str, Any] | str | bytes]) -> None:
    """Send all of it, and wait until the other side closes."""
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        with suppress(ConnectionError):
            for frame in frames:
                if isinstance(frame, bytes):
                    await socket.send_bytes(frame)
                else:
                    await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
        if isinstance(frames[-1], dict) and frames[-1].get("event") != "stop":
            await socket.close()
        while not (await socket.receive(timeout=60)).type.name.startswith("CLOS"):
            pass


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_each_leg_gets_its_speaker(service: VoiceprintService, takes: Takes, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, stranger, _ = takes.values()
    speaker = service.enroll_new("Ada", [service.admit(service.listen(take)) for take in ada[:2]]).speaker
    ours, theirs = mulaw(ada[2]), mulaw(stranger[0])
    calls = [
        twilio("named", ours),
        twilio("stranger", theirs),
        twilio("broken off", ours, ends=False),
        twilio("short", ours[:3200]),
        twilio("true claim", ours, speaker=speaker.id),
        twilio("false claim", theirs, speaker=speaker.id),
        twilio("claim of nobody", ours, speaker="nobody"),
        telnyx("two legs", ours, theirs),
        telnyx("claims", theirs, ours, speaker=speaker.id),
    ]

    async def run() -> list[CallDecision]:
        server = TestServer(create_app(service, service.settings))
        await server.start_server(**RUNNER_OPTIONS)
        async with listening(str(server.make_url("/"))) as (url, found):
            for at in range(0, len(calls), 3):
                await asyncio.gather(*(called(url, frames) for frames in calls[at : at + 3]))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(found) < len(calls) + 2:  # two of them have two legs
                    await asyncio.sleep(0.05)
        await server.close()
        return found

    monkeypatch.setattr("voiceprint.integrations.calls.RESULT_SECONDS", PATIENCE_SECONDS)
    said = {(one.call, one.leg): (one.status, one.name) for one in asyncio.run(run())}
    assert said == {
        ("named", "inbound"): ("identified", "Ada"),
        ("stranger", "inbound"): ("unknown", None),
        ("broken off", "inbound"): ("identified", "Ada"),
        ("short", "inbound"): ("not_enough_speech", None),
        ("true claim", "inbound"): ("accepted", "Ada"),
        ("false claim", "inbound"): ("rejected", "Ada"),
        ("claim of nobody", "inbound"): ("not_enrolled", None),
        ("two legs", "inbound"): ("identified", "Ada"),
        ("two legs", "outbound"): ("unknown", None),
        ("claims", "inbound"): ("rejected", "Ada"),
        ("claims", "outbound"): ("identified", "Ada"),
    }


def heard(frames: Frames) -> bytes:
    """What the voiceprint server would get of the caller."""
    got = bytearray()

    class Kept:
        def __init__(self, *_: object, **given: object) -> None:
            self.encoding = given["encoding"]

        def feed(self, audio: bytes) -> None:
            got.extend(audio)

        def finish(self) -> None:
            got.extend(str(self.encoding).encode())

    async def run() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("voiceprint.integrations.calls.Lookup", Kept)
            patch.setattr("voiceprint.integrations.calls._decide", lambda *_: asyncio.sleep(0))
            async with VoiceprintClient(NOWHERE) as client:
                await MediaCalls(client, print).follow(texts(frames))

    asyncio.run(run())
    return bytes(got)


async def texts(frames: Frames) -> AsyncIterator[str]:
    for frame in frames:
        yield json.dumps(frame)


def test_frames_are_heard_in_order_and_once() -> None:
    audio = bytes(range(256)) * 20
    assert heard(twilio("a", audio)) == heard(telnyx("a", audio)) == audio + b"mulaw"
    assert heard(telnyx("a", audio, encoding="PCMA")) == audio + b"alaw"
    lost = [frame for frame in twilio("a", audio) if frame.get("media", {}).get("chunk") != "3"]
    assert heard(lost) == audio[: 2 * FRAME] + audio[3 * FRAME :] + b"mulaw"


def test_a_call_without_a_server_is_unavailable_and_hangs_nothing() -> None:
    async def run() -> list[CallDecision]:
        async with listening(NOWHERE) as (url, found):
            await called(url, twilio("a", bytes(16_000)))
        return found

    assert [(one.call, one.status) for one in asyncio.run(run())] == [("a", "unavailable")]


START, MEDIA = twilio("a", bytes(FRAME), ends=False)[1::2]


@pytest.mark.parametrize(
    "bad",
    [
        ["no json"],
        ["[]"],
        [b"\0\1"],
        [{"event": 7}],
        [{"no": "event"}],
        [START, {**MEDIA, "media": {"chunk": "1", "payload": "no base64!"}}],
        [START, {**MEDIA, "media": {"payload": "AAAA"}}],
        [{**START, "start": {"callSid": "a", "mediaFormat": {"encoding": "audio/opus"}}}, MEDIA],
        [{**START, "start": {"callSid": "a"}}, MEDIA],
        [START, *({**MEDIA, "media": {**MEDIA["media"], "track": str(track)}} for track in range(3))],
        ["x" * 100_000],
    ],
)
def test_what_is_no_call_ends_its_own_connection_only(bad: list[Any]) -> None:
    async def run() -> list[CallDecision]:
        async with listening(NOWHERE) as (url, found):
            await called(url, [*bad, {"event": "mark"}, "no json"])
            await called(url, twilio("good", bytes(640)))
        return found

    assert asyncio.run(run())[-1].call == "good"


def test_only_who_knows_the_path_is_let_in() -> None:
    async def run(path: str) -> int:
        async with listening(NOWHERE, secret="s3cret") as (url, _), aiohttp.request("GET", url + path) as answer:
            return answer.status

    assert [asyncio.run(run(path)) for path in ("", "wrong", "s3cret/", "%FF", "s3cret")] == [404, 404, 404, 404, 400]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--listen", "http://0.0.0.0:9093"], "--open-network"),
        (["--listen", "http://127.0.0.1"], "HOST:PORT"),
        (["--listen", "tcp://127.0.0.1:9093"], "http://HOST:PORT"),
        (["--secret-file", "/nowhere/secret"], "cannot be read"),
        (["--secret-file", "/dev/null"], "empty"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["media-streams", *options]) == 3
    assert sentence in capsys.readouterr().err


def test_the_command_says_a_line_a_leg_until_it_is_told_to_stop(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "voiceprint", "media-streams", "--server", NOWHERE, "--listen", listen]
    command += ["--secret-file", str(tmp_path / "secret")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as calls:
        assert calls.stdout is not None
        assert calls.stdout.readline() == f"ready on {listen}\n"
        assert main(["media-streams", "--listen", listen]) == 3
        asyncio.run(called(f"{listen}/s3cret", twilio("CA1", bytes(640))))
        assert json.loads(calls.stdout.readline()) == {"call": "CA1", "leg": "inbound", "status": "unavailable"}
        calls.terminate()
        assert calls.wait(20) == 0
