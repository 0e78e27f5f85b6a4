"""A room over the WebSocket of a server in this process: its turns by REST while it is said, and who may see them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.recordings import pcm
from support.talking import Client, with_server
from support.toys import ADA, STRANGER, service_of_ada, tone

from voiceprint.api.recording_messages import RecordingJob
from voiceprint.audio.recording import Waveform
from voiceprint.client import VoiceprintClient
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.tokens import add_token

SOUND = pcm(Waveform(np.concatenate([tone(pitch, 6.0).samples for pitch in (ADA, STRANGER, ADA, STRANGER)])))
FRAME = 3200
START = {"type": "start", "mode": "room", "encoding": "pcm_s16le", "sample_rate": 16_000}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[VoiceprintService]:
    with service_of_ada(tmp_path) as opened:
        yield opened


async def asked(client: Client, job_id: str, token: str = "") -> RecordingJob:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = await client.get(f"/v1/recordings/{job_id}", headers=headers)
    assert response.status == 200, await response.text()
    return msgspec.json.decode(await response.read(), type=RecordingJob)


async def ended(client: Client, job_id: str) -> RecordingJob:
    while (job := await asked(client, job_id)).state in ("waiting", "running"):
        await asyncio.sleep(0.05)
    return job


def labels(job: RecordingJob) -> list[str]:
    return [] if job.timeline is None else [turn.label for turn in job.timeline.turns]


async def hello(socket: Any, token: str | None = None) -> None:
    await socket.send_json({"type": "hello", "version": 1, "token": token})
    assert (await socket.receive_json())["type"] == "ready"


def test_a_room_is_told_of_while_it_is_said_and_is_a_recording_afterwards(service: VoiceprintService) -> None:
    async def talk(client: Client) -> None:
        async with client.ws_connect("/ws") as socket:
            await hello(socket)
            await socket.send_json(START)
            begin = await socket.receive_json()
            assert begin == {"type": "room", "recording": begin["recording"], "heard_seconds": 0.0, "final": False}
            half = len(SOUND) // 2
            for at in range(0, half, FRAME):
                await socket.send_bytes(SOUND[at : at + FRAME])
            early = await asked(client, begin["recording"])
            while labels(early) != ["Ada", "Unknown 1"]:
                await asyncio.sleep(0.05)
                early = await asked(client, begin["recording"])
            assert (early.state, early.size_bytes) == ("running", 0)
            for at in range(half, len(SOUND), FRAME):
                await socket.send_bytes(SOUND[at : at + FRAME])
            await socket.send_json({"type": "stop"})
            said: list[dict[str, Any]] = []
            while not said or not said[-1]["final"]:
                said.append(await socket.receive_json())
            assert {message["type"] for message in said} == {"room"}
            assert len(said) > 1
            done = await ended(client, begin["recording"])
            assert (done.state, labels(done)) == ("done", ["Ada", "Unknown 1", "Ada", "Unknown 1"])
            assert (await client.get(f"/v1/recordings/{done.id}/timeline?format=srt")).status == 200
            await socket.send_json({**START, "mode": "identify"})  # the connection lives on
            await socket.send_json({"type": "stop"})
            assert (await socket.receive_json())["type"] == "result"

    with_server(service, talk)


def test_a_room_belongs_to_its_token_and_is_one_of_its_recordings(service: VoiceprintService) -> None:
    mine, other = (add_token(service.store, name, ["identify"])[0] for name in ("mine", "other"))

    async def talk(client: Client) -> None:
        rooms = []
        for _ in range(5):
            socket = await client.ws_connect("/ws")
            await hello(socket, mine)
            await socket.send_json(START)
            rooms.append(await socket.receive_json())
        assert [room["type"] for room in rooms] == ["room"] * 4 + ["error"]
        assert rooms[-1]["code"] == "too_many_recordings"
        assert (await asked(client, rooms[0]["recording"], mine)).state in ("waiting", "running")
        headers = {"Authorization": f"Bearer {other}"}
        assert (await client.get(f"/v1/recordings/{rooms[0]['recording']}", headers=headers)).status == 404
        gone = await client.delete(
            f"/v1/recordings/{rooms[0]['recording']}", headers={"Authorization": f"Bearer {mine}"}
        )
        assert gone.status == 200

    with_server(service, talk)


def test_the_client_of_programs_hears_of_a_room(service: VoiceprintService) -> None:
    async def frames() -> AsyncIterator[bytes]:
        for at in range(0, len(SOUND), FRAME):
            yield SOUND[at : at + FRAME]

    async def talk(client: Client) -> None:
        async with VoiceprintClient(str(client.make_url("/"))) as programs:
            said = [message async for message in programs.stream(frames(), mode="room")]
        assert type(said[-1]).__name__ == "Room"
        assert labels(await ended(client, said[-1].recording)) == ["Ada", "Unknown 1", "Ada", "Unknown 1"]  # type: ignore[union-attr]

    with_server(service, talk)
