"""Every route by every caller: none does more than its scope, none learns of a speaker outside of its groups."""

from typing import Any

import aiohttp
import pytest
from support.recordings import wav
from support.talking import Client, with_server
from support.toys import tone, toy_service

from voiceprint.domain.caller import SCOPES, Scope
from voiceprint.server.auth_middleware import scope_of
from voiceprint.server.operations import OPERATIONS, Operation
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.tokens import add_token

ADA, OUTSIDER = 200, 600
NAME = "Zsuzsanna Quastrellius"
HELD: dict[Scope | None, set[Scope | None]] = {
    None: {None},
    "identify": {None, "identify"},
    "enroll": {None, "identify", "enroll"},
    "operate": {None, "identify", "enroll", "operate"},
}


def bodies(speaker_id: str) -> dict[str, dict[str, object]]:
    """What a caller could say about a speaker, by the name of the body."""
    return {
        "Change": {"name": "Mallory"},
        "Merge": {"from": speaker_id, "force": True},
        "MoveTurn": {},
        "ThatWas": {"speaker": speaker_id, "learn": False},
        "Undo": {},
        "SignIn": {"token": "x"},
    }


async def call(client: Client, one: Operation, token: str | None, speaker_id: str) -> tuple[int, str]:
    """The status and the text of the answer to a request about the speaker, with a recording of their voice."""
    place = {"{id}": speaker_id, "{enrollment}": speaker_id, "{voice}": "1", "{turn}": "1"}
    path = one.path
    for name, value in place.items():
        path = path.replace(name, value)
    more: dict[str, Any] = {}
    if one.sound is not None:
        form = aiohttp.FormData({"name": "Mallory"} if one.path == "/v1/speakers" else {})
        form.add_field("file" if one.sound == "file" else "audio", wav(tone(OUTSIDER)), filename="clip.wav")
        more["data"] = form
    elif one.body is not None:
        more["json"] = bodies(speaker_id)[one.body.__name__]
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    query = "?speaker=" + speaker_id if one.path == "/v1/verify" else ""
    async with client.request(one.method, path + query, headers=headers, **more) as answer:
        return answer.status, await answer.text()


@pytest.fixture
def service(tmp_path: Any) -> Any:
    with toy_service(tmp_path, add_to_others=True) as opened:
        for name, pitch, group in (("Ada", ADA, "home"), (NAME, OUTSIDER, "team")):
            takes = [opened.admit(opened.listen(tone(pitch, seconds))) for seconds in (4.0, 5.0)]
            opened.enroll_new(name, takes, within=frozenset({group}))
        yield opened


def outsider(service: VoiceprintService) -> tuple[str, tuple[object, ...]]:
    """The id of the speaker outside of the group, and everything that could be changed of them."""
    service.refresh()
    found = service.find(NAME)
    assert found is not None
    return found.id, (found.name, found.profile.groups, found.profile.pending, len(found.enrollments))


@pytest.mark.parametrize("scope", [None, *SCOPES])
def test_no_caller_does_more_than_its_scope(service: VoiceprintService, scope: Scope | None) -> None:
    speaker_id, _ = outsider(service)
    add_token(service.store, "other", ["operate"])
    token = None if scope is None else add_token(service.store, "mine", [scope])[0]
    wrong = []

    async def talk(client: Client) -> None:
        for one in OPERATIONS:
            if one.method == "DELETE" and scope == "operate":
                continue
            status, said = await call(client, one, token, speaker_id)
            needed = scope_of(one.method, one.path)
            refused = 401 if scope is None else 403
            if (status == refused) != (needed not in HELD[scope]) or status >= 500:
                wrong.append((one.method, one.path, status, said[:200]))

    with_server(service, talk)
    assert [one for one in wrong if one[1] != "/v1/session"] == []


@pytest.mark.parametrize("scope", SCOPES)
def test_no_confined_caller_learns_of_a_speaker_elsewhere_or_changes_one(
    service: VoiceprintService, scope: Scope
) -> None:
    speaker_id, before = outsider(service)
    token, _ = add_token(service.store, "home", [scope], groups=["home"])
    told = []

    async def talk(client: Client) -> None:
        for one in OPERATIONS:
            status, said = await call(client, one, token, speaker_id)
            known = speaker_id in said and one.path != "/v1/speakers/{id}/lock"
            if NAME in said or known or status >= 500:
                told.append((one.method, one.path, status, said[:300]))

    with_server(service, talk)
    assert told == []
    assert outsider(service) == (speaker_id, before)
