"""The desk: each of its doors asks for the caller's scope and groups, and an enrollment costs an answer."""

import inspect
import time
from typing import Any

import msgspec
import numpy as np
import pytest
from support.store_fixtures import enrollment

from voiceprint.api.desk import Desk
from voiceprint.audio.recording import Recording, Waveform
from voiceprint.domain.caller import ANONYMOUS, Caller, Scope
from voiceprint.errors import AccessError, LimitError, SpeakerError
from voiceprint.service.service import VoiceprintService

ABSENT = "0" * 32
SILENCE = Waveform(np.zeros(16_000, np.float32))
# Every method with the scope that it needs and the arguments of a call about one speaker.
DOORS: dict[str, tuple[Scope, dict[str, Any]]] = {
    "identify": ("identify", {}),
    "verify": ("identify", {"speaker_id": ABSENT}),
    "timeline": ("identify", {"recording": Recording.of(SILENCE)}),
    "begin_enrollment": ("enroll", {"speaker_id": ABSENT}),
    "enroll": ("enroll", {"enrollments": [], "speaker_id": ABSENT}),
    "speakers": ("enroll", {}),
    "speaker": ("enroll", {"speaker_id": ABSENT}),
    "change": ("operate", {"speaker_id": ABSENT, "name": "x", "groups": None}),
    "takes": ("enroll", {"speaker_id": ABSENT}),
    "remove_take": ("operate", {"speaker_id": ABSENT, "enrollment_id": ABSENT}),
    "merge": ("operate", {"speaker_id": ABSENT, "other_id": ABSENT}),
    "last_change": ("operate", {}),
    "undo": ("operate", {}),
    "forget": ("operate", {"speaker_id": ABSENT}),
    "known_about": ("operate", {"speaker_id": ABSENT}),
    "unlock": ("operate", {"speaker_id": ABSENT}),
    "voice_map": ("operate", {}),
    "health": ("operate", {}),
}
NARROWER: dict[Scope, Caller] = {
    "identify": ANONYMOUS,
    "enroll": Caller("door", frozenset({"identify"})),
    "operate": Caller("desk", frozenset({"enroll"})),
}


def enter(desk: Desk, name: str, caller: Caller, **more: object) -> object:
    said = getattr(desk, name)(caller, **{**DOORS[name][1], **more})
    return list(said) if inspect.isgenerator(said) else said


def test_the_table_names_every_door() -> None:
    assert {name for name, _ in inspect.getmembers(Desk, inspect.isfunction) if not name.startswith("_")} == set(DOORS)


@pytest.mark.parametrize("name", DOORS)
def test_a_door_asks_for_the_scope_and_the_groups(service: VoiceprintService, name: str) -> None:
    scope, arguments = DOORS[name]
    desk = Desk(service, clock=time.monotonic)
    with pytest.raises(AccessError, match="scope"):
        enter(desk, name, NARROWER[scope])
    home = Caller("home", frozenset({scope}), frozenset({"home"}))
    if "groups" in inspect.signature(getattr(Desk, name)).parameters and name != "change":
        with pytest.raises(AccessError, match="groups"):
            enter(desk, name, home, groups=["team"])
    if "speaker_id" in arguments and name != "verify":
        stranger = service.enroll_new("Ada", [enrollment(1)], within=frozenset({"team"})).speaker.id
        with pytest.raises(SpeakerError, match="enrolled"):
            enter(desk, name, home, speaker_id=stranger)
        assert [speaker.name for speaker in service.speakers()] == ["Ada"]


def test_an_enrollment_costs_an_answer(service: VoiceprintService) -> None:
    service.settings = msgspec.structs.replace(service.settings, max_answers_per_hour=1)
    desk, enroller = Desk(service, clock=lambda: 0.0), Caller("desk", frozenset({"enroll"}))
    desk.begin_enrollment(enroller, name="Ada")
    with pytest.raises(LimitError, match="1 answers"):
        desk.begin_enrollment(enroller, name="Ben")
