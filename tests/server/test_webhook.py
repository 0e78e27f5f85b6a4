"""The webhook: told who of the watched group was recognised, after the answer and whatever becomes of it."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from support.recordings import pcm, wav
from support.talking import Takes, said
from support.webhooks import Receiver

from voiceprint.api import messages
from voiceprint.api.messages import Hello, Result, Start, Stop
from voiceprint.config import load_settings
from voiceprint.errors import ConfigError
from voiceprint.server import create_app, webhook
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
pytestmark = pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart


class Hook:
    """Somebody else's server: keeps what it gets, and answers with these statuses in turn, then with 204."""

    def __init__(self, *statuses: int, delay: float = 0.0) -> None:
        self.got: list[dict[str, Any]] = []
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self._statuses = list(statuses)
        self._delay = delay

    async def take(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self._delay)
        self.got.append(await request.json())
        self.calls.append((dict(request.headers), await request.read()))
        return web.Response(status=self._statuses.pop(0) if self._statuses else 204)


@asynccontextmanager
async def watched(service: VoiceprintService, hook: Hook, **more: Any) -> AsyncIterator[TestClient[Any, Any]]:
    app = web.Application()
    app.add_routes([web.post("/hook", hook.take)])
    async with TestServer(app) as other:
        url = str(other.make_url("/hook"))
        settings = msgspec.structs.replace(service.settings, webhook_url=url, webhook_private=True, **more)
        server = TestServer(create_app(service, settings))
        await server.start_server(**RUNNER_OPTIONS)
        async with TestClient(server) as client:
            yield client


@pytest.fixture
def people(service: VoiceprintService, takes: Takes) -> dict[str, str]:
    """Ada is watched, Ben is not."""
    found = {}
    for name, group, voice in zip(("Ada", "Ben"), ("watchlist", "team"), takes.values(), strict=False):
        admitted = [service.admit(service.listen(take)) for take in voice[:2]]
        found[name] = service.enroll_new(name, admitted, within=frozenset({group})).speaker.id
    return found


def test_only_who_is_watched_is_told_and_without_a_name(
    service: VoiceprintService, takes: Takes, people: dict[str, str]
) -> None:
    hook = Hook()

    async def run() -> None:
        async with watched(service, hook) as client:
            for voice in takes.values():
                await said(await client.post("/v1/identify", data=wav(voice[2])))

    asyncio.run(run())
    (hit,) = hook.got
    assert (hit["event"], hit["group"], hit["speaker_id"]) == ("watchlist_hit", "watchlist", people["Ada"])
    assert set(hit) == {"event", "id", "at", "group", "speaker_id"}
    assert "Ada" not in json.dumps(hit)


def test_streams_and_long_recordings_are_told_too(
    service: VoiceprintService, takes: Takes, people: dict[str, str]
) -> None:
    hook, own = Hook(), next(iter(takes.values()))[2]

    async def run() -> None:
        async with watched(service, hook) as client:
            assert (await client.post("/v1/timeline", data=wav(own))).status == 200
            async with client.ws_connect("/ws") as socket:
                await socket.send_str(messages.encode(Hello(version=1)))
                await socket.send_str(messages.encode(Start(mode="identify", encoding="pcm_s16le", sample_rate=16_000)))
                audio = pcm(own)
                for at in range(0, len(audio), 32_000):
                    await socket.send_bytes(audio[at : at + 32_000])
                await socket.send_str(messages.encode(Stop()))
                while '"final":true' not in await socket.receive_str():
                    pass

    asyncio.run(run())
    assert {hit["speaker_id"] for hit in hook.got} == {people["Ada"]}
    assert len(hook.got) >= 2


def test_a_hook_that_fails_is_tried_again(
    service: VoiceprintService, takes: Takes, people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "PAUSES_SECONDS", (0.01, 0.01))
    hook = Hook(500, 302)

    async def run() -> None:
        async with watched(service, hook) as client:
            await said(await client.post("/v1/identify", data=wav(next(iter(takes.values()))[2])))

    asyncio.run(run())
    assert len(hook.got) == 3
    assert len({hit["id"] for hit in hook.got}) == 1


def test_a_slow_hook_delays_no_answer_and_no_end(
    service: VoiceprintService, takes: Takes, people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "LAST_SECONDS", 0.1)
    monkeypatch.setattr(webhook, "ATTEMPT_SECONDS", 60.0)
    began = 0.0

    async def run() -> None:
        nonlocal began
        async with watched(service, Hook(delay=30.0)) as client:
            for _ in range(3):
                answer = await said(await client.post("/v1/identify", data=wav(next(iter(takes.values()))[2])))
                assert isinstance(answer, Result)
                assert answer.status == "identified"
            began = time.monotonic()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert began > 0


def test_every_decision_is_told_where_that_is_asked_for(
    service: VoiceprintService, takes: Takes, people: dict[str, str]
) -> None:
    hook, (ada, ben, stranger) = Hook(), [voice[2] for voice in takes.values()]

    async def run() -> None:
        async with watched(service, hook, webhook_events="decision, watchlist_hit") as client:
            for clip in (ada, stranger):
                await said(await client.post("/v1/identify", data=wav(clip)))
            for claimed in (people["Ada"], "0" * 32):
                await said(await client.post(f"/v1/verify?speaker={claimed}", data=wav(ben)))

    asyncio.run(run())
    told = [(got.get("status"), got["speaker_id"], got.get("claimed_speaker_id")) for got in hook.got]
    ids = people["Ada"]
    assert told == [
        ("identified", ids, None),
        (None, ids, None),
        ("unknown", None, None),
        ("rejected", None, ids),
        ("not_enrolled", None, None),
    ]
    assert [got["event"] for got in hook.got].count("decision") == 4
    assert len({got["id"] for got in hook.got}) == 5
    assert not {"Ada", "score"} & {*json.dumps(hook.got).split('"')}


def test_the_end_of_a_recording_is_told_where_that_is_asked_for(service: VoiceprintService, takes: Takes) -> None:
    hook, clip = Hook(), wav(next(iter(takes.values()))[2])

    async def run() -> None:
        async with watched(service, hook, webhook_events="recording") as client:
            for data in (clip, b"<html>" * 500):
                job = await (await client.post("/v1/recordings", data=data)).json()
                while (await (await client.get(f"/v1/recordings/{job['id']}")).json())["expires_at"] is None:
                    await asyncio.sleep(0.05)

    asyncio.run(run())
    assert [(got["event"], got["state"]) for got in hook.got] == [("recording", "done"), ("recording", "failed")]
    assert all(len(got["recording_id"]) == 32 for got in hook.got)


def test_a_signed_call_is_taken_by_the_standard_library_and_by_the_sample(
    service: VoiceprintService, takes: Takes, people: dict[str, str], tmp_path: Path
) -> None:
    standard = pytest.importorskip("standardwebhooks", reason="the package standardwebhooks is not installed")
    file, hook = tmp_path / "secret", Hook()
    file.write_text(SECRET)

    async def run() -> None:
        async with watched(service, hook, webhook_secret_file=file) as client:
            await said(await client.post("/v1/identify", data=wav(next(iter(takes.values()))[2])))

    asyncio.run(run())
    ((headers, body),) = hook.calls
    assert standard.Webhook(SECRET).verify(body, headers) == hook.got[0]
    assert Receiver(SECRET).receive(headers, body) == hook.got[0]


@pytest.mark.parametrize("url", ["ftp://a", "file:///etc/passwd", "a"])
def test_only_the_web_has_hooks(url: str) -> None:
    with pytest.raises(ConfigError, match="webhook_url"):
        load_settings({"webhook_url": url}, environ={})
