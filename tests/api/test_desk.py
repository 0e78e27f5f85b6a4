"""The desk: each of its doors asks for the caller's scope and groups, and an enrollment costs an answer."""

import inspect
import time
from typing import Any

import msgspec
import numpy as np
import pytest
from support.store_fixtures import enrollment

from voiceprint.api.desk import Desk
from voiceprint.api.timeline_messages import Timeline
from voiceprint.audio.recording import Recording, Waveform
from voiceprint.domain.caller import ANONYMOUS, Caller, Scope
from voiceprint.errors import AccessError, LimitError, SpeakerError
from voiceprint.service.service import VoiceprintService

ABSENT = "0" * 32
SRT = b"1\n00:00:00,500 --> 00:00:03,000\nhello\n"
SILENCE = Waveform(np.zeros(16_000, np.float32))
# Every method with the scope that it needs and the arguments of a call about one speaker.
DOORS: dict[str, tuple[Scope, dict[str, Any]]] = {
    "identify": ("identify", {}),
    "verify": ("identify", {"speaker_id": ABSENT}),
    "decode": ("identify", {"data": b""}),
    "begin_timeline": ("identify", {}),
    "timeline": ("identify", {"recording": Recording.of(SILENCE)}),
    "label": ("identify", {"transcript": b"", "kind": ".srt", "found": Timeline(turns=(), audio_seconds=0.0)}),
    "begin_enrollment": ("enroll", {"speaker_id": ABSENT}),
    "enroll": ("enroll", {"enrollments": [], "speaker_id": ABSENT}),
    "speakers": ("enroll", {}),
    "speaker": ("enroll", {"speaker_id": ABSENT}),
    "change": ("operate", {"speaker_id": ABSENT, "name": "x", "groups": None}),
    "takes": ("enroll", {"speaker_id": ABSENT}),
    "remove_take": ("operate", {"speaker_id": ABSENT, "enrollment_id": ABSENT}),
    "confirm_take": ("operate", {"speaker_id": ABSENT, "enrollment_id": ABSENT}),
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


def test_an_enroller_adds_to_its_own_speakers_unless_more_is_allowed(service: VoiceprintService) -> None:
    desk, operator = Desk(service, clock=lambda: 0.0), Caller("op", frozenset({"operate"}))
    mine, other = Caller("mine", frozenset({"enroll"})), Caller("other", frozenset({"enroll"}))
    ada = desk.enroll(mine, [enrollment(1)], name="Ada").speaker.id
    desk.begin_enrollment(mine, speaker_id=ada)
    desk.begin_enrollment(operator, speaker_id=ada)
    for refused in (
        lambda: desk.begin_enrollment(other, speaker_id=ada),
        lambda: desk.enroll(other, [enrollment(1)], speaker_id=ada),
    ):
        with pytest.raises(AccessError) as caught:
            refused()
        assert caught.value.code == "enrolled_by_others"
    service.settings = msgspec.structs.replace(service.settings, add_to_others=True)
    desk.begin_enrollment(other, speaker_id=ada)


def test_what_is_cancelled_is_given_back_and_a_timeline_is_paid_before_the_work(service: VoiceprintService) -> None:
    service.settings = msgspec.structs.replace(service.settings, max_answers_per_hour=1, max_claims_per_hour=4)
    desk, door = Desk(service, clock=lambda: 0.0), Caller("door", frozenset({"identify"}))
    for _ in range(130):
        desk.verify(door, ABSENT).close()
        desk.identify(door).close()
    desk.begin_timeline(door)
    with pytest.raises(LimitError, match="1 answers"):
        desk.begin_timeline(door)


def test_decoding_costs_the_seconds_that_it_takes(service: VoiceprintService, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def slow(_data: bytes) -> Recording:
        now[0] += 50.0
        return Recording.of(SILENCE)

    monkeypatch.setattr(service, "decode", slow)
    service.settings = msgspec.structs.replace(service.settings, max_decoding_seconds_per_hour=60)
    desk, weak, other = Desk(service, clock=lambda: now[0]), *(Caller(n, frozenset({"identify"})) for n in ("a", "b"))
    for _ in range(2):
        desk.decode(weak, b"")
    with pytest.raises(LimitError) as caught:
        desk.decode(weak, b"")
    assert caught.value.code == "too_much_decoding"
    assert caught.value.retry_seconds == pytest.approx(2300.0)  # 38.3 seconds too many, of 60 an hour
    for refused in (
        lambda: desk.begin_timeline(weak),
        lambda: desk.label(weak, SRT, ".srt", Timeline(turns=(), audio_seconds=0.0)),
    ):
        with pytest.raises(LimitError, match="60 seconds of an hour"):
            refused()
    desk.decode(other, b"")
    assert desk.label(other, SRT, ".srt", Timeline(turns=(), audio_seconds=0.0)) == SRT
    for _ in range(5):
        desk.decode(Caller("op", frozenset({"operate"})), b"")


def test_an_enrollment_costs_an_answer(service: VoiceprintService) -> None:
    service.settings = msgspec.structs.replace(service.settings, max_answers_per_hour=1)
    desk, enroller = Desk(service, clock=lambda: 0.0), Caller("desk", frozenset({"enroll"}))
    desk.begin_enrollment(enroller, name="Ada")
    with pytest.raises(LimitError, match="1 answers"):
        desk.begin_enrollment(enroller, name="Ben")
