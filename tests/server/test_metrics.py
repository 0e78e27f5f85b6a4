"""What the server measures of itself, and what it must never tell."""

import asyncio
import re
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from support.recordings import pcm, wav

from voiceprint.api.messages import Hello, Start, Stop, encode
from voiceprint.audio.decoding import Waveform
from voiceprint.server import create_app
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService

Takes = dict[str, list[Waveform]]


async def measured(client: TestClient[Any, Any]) -> dict[str, float]:
    response = await client.get("/metrics")
    assert response.content_type == "text/plain"
    lines = [line for line in (await response.text()).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_answers_refusals_and_times_are_counted_and_nobody_is_named(service: VoiceprintService, takes: Takes) -> None:
    ada = next(iter(takes.values()))
    outcome = service.enroll_new("Ada Lovelace", [service.admit(service.listen(ada[0]))])

    async def run() -> None:
        server = TestServer(create_app(service, service.settings))
        await server.start_server(**RUNNER_OPTIONS)
        async with TestClient(server) as client:
            assert (await client.post("/v1/identify", data=wav(ada[1]))).status == 200
            assert (await client.post("/v1/identify", data=b"no audio")).status == 422
            async with client.ws_connect("/ws") as socket:
                await socket.send_str(encode(Hello(version=1)))
                await socket.receive_str()
                assert (await measured(client))["voiceprint_open_streams"] == 1
                await socket.send_str(encode(Start(mode="identify", encoding="mp3", sample_rate=16_000)))
                await socket.receive_str()
                await socket.send_str(encode(Stop()))
            found = await measured(client)
            results = {name: value for name, value in found.items() if name.startswith("voiceprint_results_total")}
            assert sum(results.values()) == 1
            assert found['voiceprint_refusals_total{code="not_audio"}'] == 1
            assert found['voiceprint_refusals_total{code="wrong_encoding"}'] == 1
            assert found["voiceprint_streams_total"] == 1
            assert found["voiceprint_gallery_speakers"] == 1
            assert 0 < found["voiceprint_speech_seconds_total"] <= found["voiceprint_audio_seconds_total"]
            assert found['voiceprint_score_bucket{le="+Inf"}'] == found["voiceprint_score_count"] == 1
            assert found["voiceprint_work_seconds_count"] >= 2
            assert found["voiceprint_queue_length"] == 0
            text = await (await client.get("/metrics")).text()
            assert not re.search(rf"Ada|Lovelace|{outcome.speaker.id}|127\.0\.0\.1", text)

    asyncio.run(run())


def test_guesses_on_the_way_are_not_answers(service: VoiceprintService, takes: Takes) -> None:
    take = next(iter(takes.values()))[0]

    async def run() -> None:
        async with TestClient(TestServer(create_app(service, service.settings))) as client:
            async with client.ws_connect("/ws") as socket:
                await socket.send_str(encode(Hello(version=1)))
                await socket.send_str(encode(Start(mode="identify", encoding="pcm_s16le", sample_rate=16_000)))
                audio = pcm(take)
                for at in range(0, len(audio), 32_000):
                    await socket.send_bytes(audio[at : at + 32_000])
                await socket.send_str(encode(Stop()))
                while '"final":true' not in await socket.receive_str():
                    pass
            found = await measured(client)
            assert sum(value for name, value in found.items() if name.startswith("voiceprint_results_total")) == 1

    asyncio.run(run())
