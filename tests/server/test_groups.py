"""Groups: who asks within some meets nobody outside of them, in the search itself and everywhere else."""

from typing import Any

import aiohttp
import numpy as np
import pytest
from support.recordings import wav
from support.store_fixtures import unit
from support.talking import Client, Takes, said, with_server

from voiceprint.api import messages
from voiceprint.api.messages import Enrolled, Error, Hello, Ready, Result, SpeakerList, Start
from voiceprint.cli import main
from voiceprint.domain.caller import OPERATOR, Caller
from voiceprint.domain.groups import check_groups
from voiceprint.errors import AccessError, InputError
from voiceprint.gallery.index import Gallery
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.store import Store
from voiceprint.storage.tokens import add_token, list_tokens

HOME = Caller("home", frozenset({"operate"}), frozenset({"household"}))


def test_the_filter_is_inside_the_search() -> None:
    gallery = Gallery(192)
    gallery.put_all((f"other-{number}", unit(number)) for number in range(500))
    far = np.array(-unit(0), dtype=np.float32)
    gallery.put("mine", far)
    assert [match.speaker_id for match in gallery.search(unit(0), 3, among={"mine", "nobody"})] == ["mine"]
    assert gallery.search(unit(0), 3, among=set()) == []
    some = {f"other-{number}" for number in range(0, 500, 7)}
    expected = [match for match in gallery.search(unit(0), 501) if match.speaker_id in some][:5]
    assert gallery.search(unit(0), 5, among=some) == expected


@pytest.mark.parametrize("names", [[""], ["A"], ["a b"], ["a", "-"], ["é"], ["a" * 65], [f"g{n}" for n in range(17)]])
def test_names_of_groups_are_plain_and_few(names: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        check_groups(names)
    assert caught.value.code == "bad_group"


def test_a_request_may_narrow_and_never_widen() -> None:
    assert OPERATOR.within(None) is None
    assert OPERATOR.within(["team", "household"]) == frozenset({"team", "household"})
    assert HOME.within(None) == HOME.within(["household"]) == frozenset({"household"})
    with pytest.raises(AccessError, match="other groups"):
        HOME.within(["household", "team"])


def test_a_token_keeps_its_groups(store: Store) -> None:
    add_token(store, "home", ["operate"], groups=["household"])
    assert [token.groups for token in list_tokens(store)] == [("household",)]
    with pytest.raises(InputError, match="group's name"):
        add_token(store, "other", ["operate"], groups=["House Hold"])


@pytest.fixture
def people(service: VoiceprintService, takes: Takes) -> dict[str, str]:
    """Ada of the household, Ben of the team."""
    found = {}
    for name, group, voice in zip(("Ada", "Ben"), ("household", "team"), takes.values(), strict=False):
        admitted = [service.admit(service.listen(take)) for take in voice[:2]]
        found[name] = service.enroll_new(name, admitted, within=frozenset({group})).speaker.id
    return found


@pytest.fixture
def home(service: VoiceprintService) -> dict[str, Any]:
    token, _ = add_token(service.store, "home", ["operate"], groups=["household"])
    return {"headers": {"Authorization": f"Bearer {token}"}}


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_a_confined_token_meets_its_own_people_only(
    service: VoiceprintService, takes: Takes, people: dict[str, str], home: dict[str, Any]
) -> None:
    clips = [wav(voice[2]) for voice in takes.values()]
    ben = f"/v1/speakers/{people['Ben']}"

    async def talk(client: Client) -> None:
        own = await said(await client.post("/v1/identify", data=clips[0], **home))
        assert isinstance(own, Result)
        assert own.speaker is not None
        assert own.speaker.name == "Ada"
        other = await said(await client.post("/v1/identify", data=clips[1], **home))
        assert isinstance(other, Result)
        assert other.status == "unknown"
        assert {candidate.speaker.name for candidate in other.candidates} == {"Ada"}
        claim = await said(await client.post(f"/v1/verify?speaker={people['Ben']}", data=clips[1], **home))
        assert isinstance(claim, Result)
        assert (claim.status, claim.claimed_speaker) == ("not_enrolled", None)
        listed = await said(await client.get("/v1/speakers", **home))
        assert isinstance(listed, SpeakerList)
        assert [(speaker.name, speaker.groups) for speaker in listed.speakers] == [("Ada", ("household",))]
        assert (await (await client.get("/readyz", **home)).json())["speakers"] == 1
        for method, path in (("GET", ben), ("DELETE", ben), ("PATCH", ben), ("POST", f"{ben}/enrollments")):
            assert (await client.request(method, path, json={"name": "x"}, **home)).status == 404, (method, path)
        assert (await client.get("/v1/map", **home)).status == 403
        assert (await client.post("/v1/identify?group=team", data=clips[0], **home)).status == 403

    with_server(service, talk)
    assert service.speaker(people["Ben"]).name == "Ben"


def test_who_a_confined_token_enrolls_is_of_its_groups(
    service: VoiceprintService, takes: Takes, people: dict[str, str], home: dict[str, Any]
) -> None:
    ada = f"/v1/speakers/{people['Ada']}"
    service.set_groups(people["Ada"], ["household", "watchlist"])

    async def talk(client: Client) -> None:
        form = aiohttp.FormData({"name": "Cleo"})
        form.add_field("audio", wav(list(takes.values())[2][0]), filename="clip.wav")
        enrolled = await said(await client.post("/v1/speakers", data=form, **home))
        assert isinstance(enrolled, Enrolled)
        assert service.speaker(enrolled.speaker.id).profile.groups == ("household",)
        assert (await client.patch(ada, json={"groups": ["team"]}, **home)).status == 403
        assert (await client.patch(ada, json={}, **home)).status == 400
        # She is of a group of others, too, of which this token learns nothing and whose speaker it does not change.
        assert (await (await client.get(ada, **home)).json())["groups"] == ["household"]
        assert [one["groups"] for one in (await (await client.get("/v1/speakers", **home)).json())["speakers"]] == [
            ["household"]
        ] * 2
        assert (await (await client.get(f"{ada}/export", **home)).json())["groups"] == ["household"]
        for refused in (client.patch(ada, json={"name": "Ada L."}, **home), client.delete(ada, **home)):
            assert (await (await refused).json())["error"]["code"] == "wrong_group"
        left = await client.patch(ada, json={"groups": []}, **home)
        assert (await left.json())["groups"] == []
        assert service.speaker(people["Ada"]).profile.groups == ("watchlist",)
        assert (await client.get(ada, **home)).status == 404

    with_server(service, talk)


def test_a_stream_is_confined_too(service: VoiceprintService, people: dict[str, str], home: dict[str, Any]) -> None:
    async def talk(client: Client) -> None:
        token = home["headers"]["Authorization"].removeprefix("Bearer ")
        async with client.ws_connect("/ws") as socket:
            await socket.send_str(messages.encode(Hello(version=1, token=token)))
            ready = messages.decode_server(await socket.receive_str())
            assert isinstance(ready, Ready)
            assert ready.speakers == 1
            elsewhere = Start(mode="identify", encoding="pcm_s16le", sample_rate=16_000, groups=("team",))
            other = Start(mode="enroll", encoding="pcm_s16le", sample_rate=16_000, speaker=people["Ben"])
            for start, code in ((elsewhere, "wrong_group"), (other, "unknown_speaker")):
                await socket.send_str(messages.encode(start))
                refusal = messages.decode_server(await socket.receive_str())
                assert isinstance(refusal, Error)
                assert refusal.code == code

    with_server(service, talk)


def test_the_command_line(
    service: VoiceprintService,
    people: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(service.store.keys.path))
    data = ["--data", str(service.settings.data)]
    assert main(["group", "Ada", "team", "household", *data]) == 0
    assert capsys.readouterr().out == "Ada: household, team\n"
    assert main(["group", "Nobody", "team", *data]) == 2
    service.refresh()
    assert service.speaker(people["Ada"]).profile.groups == ("household", "team")
    assert service.count(frozenset({"team"})) == 2
    assert service.count(frozenset({"nobody"})) == 0
