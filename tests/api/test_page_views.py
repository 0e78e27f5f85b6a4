"""What the page draws, over REST."""

import json

import numpy as np
import pytest
from support.recordings import wav
from support.talking import Client, Takes, enroll, with_server

from voiceprint.api import page_views
from voiceprint.api.budgets import Budgets
from voiceprint.audio.decoding import Waveform
from voiceprint.domain.caller import Caller
from voiceprint.errors import LimitError
from voiceprint.service.service import VoiceprintService


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_the_map_names_everybody_and_gives_no_voice_away(
    service: VoiceprintService, takes: Takes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(client: Client) -> None:
        assert await (await client.get("/v1/map")).json() == {"places": [], "left_out": 0}
        for voice, name in zip(takes, ("Ada", "Ben", "Cleo"), strict=True):
            await enroll(client, name, takes[voice][0])
        text = await (await client.get("/v1/map")).text()
        said = json.loads(text)
        assert {place["speaker"]["name"] for place in said["places"]} == {"Ada", "Ben", "Cleo"}
        assert not any(place["alike"] for place in said["places"])
        assert len(text) < 250 * len(said["places"])  # two short numbers a person: a template would be thousands
        await enroll(client, "Dora", takes[next(iter(takes))][1])  # who has Ada's voice
        places = (await (await client.get("/v1/map")).json())["places"]
        alike = {place["speaker"]["name"]: place["closest"]["name"] for place in places if place["alike"]}
        assert alike == {"Ada": "Dora", "Dora": "Ada"}
        monkeypatch.setattr(page_views, "MAP_SPEAKERS", 2)
        newest = await (await client.get("/v1/map")).json()
        assert {place["speaker"]["name"] for place in newest["places"]} == {"Cleo", "Dora"}
        assert newest["left_out"] == 2

    with_server(service, talk)


@pytest.mark.usefixtures("speech_dev")
def test_a_timeline_says_who_spoke_when(service: VoiceprintService, takes: Takes) -> None:
    async def talk(client: Client) -> None:
        ada, ben = list(takes)[:2]
        enrolled = await enroll(client, "Ada", *takes[ada][:2])
        recording = Waveform(np.concatenate([takes[ada][2].samples, takes[ben][0].samples]))
        answer = await (await client.post("/v1/timeline", data=wav(recording))).json()
        assert answer["audio_seconds"] == pytest.approx(recording.seconds, abs=0.01)
        named, last = [turn for turn in answer["turns"] if turn["speaker"]], answer["turns"][-1]
        assert [turn["speaker"] for turn in named] == [{"id": enrolled.speaker.id, "name": "Ada"}] * len(named) != []
        assert named[-1]["start_seconds"] < named[-1]["end_seconds"] <= takes[ada][2].seconds + 1.0
        assert sum(turn["end_seconds"] - turn["start_seconds"] for turn in named) > 4.0
        assert (last["status"], last["speaker"]) == ("unknown", None)
        assert named[-1]["end_seconds"] <= last["start_seconds"] < last["end_seconds"]
        refused = await client.post("/v1/timeline", data=b"<html>hello</html>" * 50)
        assert (refused.status, (await refused.json())["error"]["code"]) == (422, "not_audio")

    with_server(service, talk)


@pytest.mark.usefixtures("speech_dev")
def test_a_turn_between_two_speakers_names_both(service: VoiceprintService, takes: Takes) -> None:
    async def talk(client: Client) -> None:
        own = takes[next(iter(takes))]
        for name, take in zip(("Ada", "Dora"), own, strict=False):
            await enroll(client, name, take)
        (turn,) = (await (await client.post("/v1/timeline", data=wav(own[2]))).json())["turns"]
        assert (turn["status"], turn["speaker"]) == ("ambiguous", None)
        assert {one["name"] for one in turn["between"]} == {"Ada", "Dora"}

    with_server(service, talk)


@pytest.mark.usefixtures("speech_dev")
def test_a_timeline_that_cannot_be_paid_notes_none_of_its_turns(
    service: VoiceprintService, takes: Takes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def only_one(_budgets: Budgets, _caller: Caller, answers: int = 1) -> None:
        asked.append(answers)
        if sum(asked) > 1:
            raise LimitError("too_many_answers", "That was the one.", retry_seconds=1.0)

    async def talk(client: Client) -> None:
        ada, ben = list(takes)[:2]
        await enroll(client, "Ada", *takes[ada][:2])
        recording = Waveform(np.concatenate([takes[ada][2].samples, takes[ben][0].samples]))
        before = dict(service.statistics.counts())
        monkeypatch.setattr(Budgets, "ask", only_one)
        assert (await client.post("/v1/timeline", data=wav(recording))).status == 429
        assert dict(service.statistics.counts()) == before

    with_server(service, talk)


@pytest.mark.usefixtures("speech_dev")
def test_who_asks_within_a_group_sees_nobody_else(service: VoiceprintService, takes: Takes) -> None:
    async def talk(client: Client) -> None:
        for voice, name in zip(takes, ("Ada", "Ben"), strict=False):
            enrolled = await enroll(client, name, *takes[voice][:2])
            await client.patch(f"/v1/speakers/{enrolled.speaker.id}", json={"groups": [name.lower()]})
        places = (await (await client.get("/v1/map?group=ben")).json())["places"]
        assert [(place["speaker"]["name"], place["closest"]) for place in places] == [("Ben", None)]
        ada = wav(takes[next(iter(takes))][2])
        for group, names in (("ada", {"Ada"}), ("ben", set())):
            turns = (await (await client.post(f"/v1/timeline?group={group}", data=ada)).json())["turns"]
            assert {turn["speaker"]["name"] for turn in turns if turn["speaker"]} == names
            assert turns
        within = await (await client.get("/v1/health?group=ben")).json()
        assert (within["speakers"], within["decisions"]) == (1, None)

    with_server(service, talk)


def test_health_counts_decisions_and_shows_the_evidence(service: VoiceprintService, takes: Takes) -> None:
    async def talk(client: Client) -> None:
        before = await (await client.get("/v1/health")).json()
        assert (before["decisions"], before["speakers"]) == ({}, 0)
        for take in next(iter(takes.values()))[:2]:
            await client.post("/v1/identify", data=wav(take))
        await client.post("/v1/identify", data=b"<html>hello</html>" * 50)  # a refusal is no decision
        after = await (await client.get("/v1/health")).json()
        assert after["decisions"] == {"unknown": 2}
        assert after["encoder"] == service.encoder.id
        assert after["accuracy"] == service.encoder.accuracy != ""
        evidence, calibration = after["evidence"], service.policy().calibration
        assert calibration is not None
        assert evidence["people"] == calibration.evidence.speakers
        assert [share["at"] for share in evidence["growth"]][-1] == calibration.evidence.largest_gallery

    with_server(service, talk)
