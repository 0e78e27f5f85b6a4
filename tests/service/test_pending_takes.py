"""Takes by a token that did not enroll the speaker: they decide nothing until an operator confirms them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from numpy.typing import NDArray
from support.command_line import command_over
from support.recordings import wav
from support.talking import Client, with_server
from support.toys import ToyActivity, ToyEncoder, heard, tone, toy_service

from voiceprint.api.desk import Desk
from voiceprint.api.messages import Takes
from voiceprint.domain.caller import OPERATOR, Caller
from voiceprint.domain.speaker import EncoderIdentity, Enrollment, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import AccessError, SpeakerError, SpeechError, StoreError
from voiceprint.service.pending_takes import MAX_PENDING
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.maintenance.encoder_migration import begin
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.store import Store
from voiceprint.storage.tokens import add_token

ADA, STRANGER = 200, 1000
OTHER = Caller("other", frozenset({"enroll"}))


@dataclass(frozen=True)
class Scene:
    """Ada, enrolled by an operator; ``before``: her template at that time."""

    service: VoiceprintService
    desk: Desk
    ada: str
    before: NDArray[np.float32]

    def take(self, seconds: float = 6.0, pitch: int = ADA) -> Enrollment:
        return self.service.admit(self.service.listen(tone(pitch, seconds)))

    def template(self) -> NDArray[np.float32]:
        return self.service.enrolled.scope().gallery.template(self.ada).copy()

    def speaker(self) -> StoredSpeaker:
        return self.service.speaker(self.ada)

    def offer(self, *takes: Enrollment) -> str:
        """The id of the last one."""
        self.desk.enroll(OTHER, list(takes), speaker_id=self.ada)
        return takes[-1].id

    def told(self) -> Takes:
        return self.desk.takes(OPERATOR, self.ada)


def opened(service: VoiceprintService) -> Scene:
    found = service.find("Ada")
    ada = found or service.enroll_new("Ada", [service.admit(service.listen(tone(ADA, 4.0)))]).speaker
    return Scene(
        service, Desk(service, clock=lambda: 0.0), ada.id, service.enrolled.scope().gallery.template(ada.id).copy()
    )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with toy_service(tmp_path, add_to_others=True) as service:
        yield opened(service)


def test_the_confirmed_template_decides_until_the_word_comes_over_a_restart_too(tmp_path: Path) -> None:
    with toy_service(tmp_path, add_to_others=True) as service:
        scene = opened(service)
        said = scene.desk.enroll(OTHER, [scene.take()], speaker_id=scene.ada)
        assert (said.enrollments, said.pending, said.warnings[0].code) == (1, 1, "pending")
        assert np.array_equal(scene.template(), scene.before)
    with toy_service(tmp_path, add_to_others=True) as service:
        again = opened(service)
        assert np.array_equal(again.template(), scene.before)
        _, waits = again.told().takes
        assert (waits.pending, waits.fit, again.desk.speaker(OPERATOR, scene.ada).pending) == (True, "good", 1)
        after = again.desk.confirm_take(OPERATOR, scene.ada, waits.id)
        assert [take.pending for take in after.takes] == [False, False]
        assert not np.allclose(again.template(), scene.before)
    with toy_service(tmp_path) as service:
        assert [len(service.speaker(scene.ada).enrollments), len(service.speaker(scene.ada).profile.pending)] == [2, 0]


def test_a_token_that_enrolled_the_speaker_and_an_operator_need_no_word(scene: Scene) -> None:
    mine = Caller("mine", frozenset({"enroll"}))
    ben = scene.desk.enroll(mine, [scene.take(pitch=600)], name="Ben").speaker.id
    assert scene.desk.enroll(mine, [scene.take(7.0, 600)], speaker_id=ben).pending == 0
    assert scene.desk.enroll(OPERATOR, [scene.take()], speaker_id=scene.ada).enrollments == 2


def test_an_operator_takes_it_out_and_undoes_either(scene: Scene) -> None:
    take = scene.offer(scene.take())
    assert [one.pending for one in scene.desk.remove_take(OPERATOR, scene.ada, take).takes] == [False]
    scene.desk.undo(OPERATOR)
    assert [one.pending for one in scene.told().takes] == [False, True]
    scene.desk.confirm_take(OPERATOR, scene.ada, take)
    assert scene.desk.undo(OPERATOR).change.takes == 1
    assert [one.pending for one in scene.told().takes] == [False, True]
    assert np.allclose(scene.template(), scene.before)
    other = scene.offer(scene.take(7.0))
    assert scene.desk.undo(OPERATOR).change.takes == 1
    assert other not in [one.id for one in scene.told().takes]


def test_what_an_enroller_may_not(scene: Scene) -> None:
    take = scene.offer(scene.take())
    for refused in (
        lambda: scene.desk.confirm_take(OTHER, scene.ada, take),
        lambda: scene.desk.remove_take(OTHER, scene.ada, take),
        lambda: scene.desk.enroll(OTHER, [scene.take()], speaker_id=scene.ada, force=True),
        lambda: scene.desk.enroll(OTHER, [scene.take()], speaker_id=scene.ada, consent=Consent(purpose="mine")),
        lambda: scene.desk.begin_enrollment(OTHER, speaker_id=scene.ada, consent=Consent(purpose="mine")),
    ):
        with pytest.raises(AccessError):
            refused()
    with pytest.raises(SpeechError, match="does not sound like Ada"):
        scene.offer(scene.take(pitch=STRANGER))
    scene.offer(*[scene.take(4.0 + 0.1 * number) for number in range(MAX_PENDING - 1)])
    with pytest.raises(SpeakerError, match="At most"):
        scene.offer(scene.take())
    assert np.array_equal(scene.template(), scene.before)
    assert scene.speaker().profile.consent is None


def test_a_pending_take_is_told_to_the_person_and_goes_with_them(scene: Scene) -> None:
    take = scene.offer(scene.take())
    assert take in [one.id for one in scene.desk.known_about(OPERATOR, scene.ada).enrollments]
    scene.service.forget(scene.ada)
    with pytest.raises(SpeakerError):
        scene.desk.confirm_take(OPERATOR, scene.ada, take)


def test_of_two_entries_the_takes_of_both_wait_and_no_token_owns_what_two_enrolled(scene: Scene) -> None:
    mine = Caller("mine", frozenset({"enroll"}))
    phone = scene.desk.enroll(mine, [scene.take(5.0)], name="Ada phone").speaker.id
    scene.offer(scene.take())
    scene.desk.enroll(OTHER, [scene.take(7.0)], speaker_id=phone)
    scene.desk.merge(OPERATOR, phone, scene.ada)
    assert len(scene.service.speaker(phone).profile.pending) == 2
    assert scene.desk.enroll(mine, [scene.take(6.5)], speaker_id=phone).pending == 3
    scene.desk.undo(OPERATOR)
    scene.service.refresh()


LEAVING_BEHIND: dict[str, Callable[[Store], object]] = {
    "renewal": renew,
    "migration": lambda store: begin(store, EncoderIdentity("toy-1", f"{1:064x}", 192), enroll_waiting=False),
}


@pytest.mark.parametrize("how", LEAVING_BEHIND)
def test_what_would_leave_a_vector_behind_is_refused(scene: Scene, how: str) -> None:
    scene.offer(scene.take())
    with pytest.raises(StoreError, match="wait for a word"):
        LEAVING_BEHIND[how](scene.service.store)
    assert scene.service.verify(scene.ada, heard(scene.service, ADA)).decision.status == "accepted"


def test_over_rest(scene: Scene) -> None:
    enroller, _ = add_token(scene.service.store, "door", ["enroll"])
    operator, _ = add_token(scene.service.store, "desk", ["operate"])
    path = f"/v1/speakers/{scene.ada}/enrollments"

    async def talk(client: Client) -> None:
        def asked(method: str, path: str, token: str, **more: object) -> aiohttp.client._RequestContextManager:
            return client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)  # type: ignore[arg-type]

        form = aiohttp.FormData()
        form.add_field("audio", wav(tone(ADA, 6.0)), filename="clip.wav")
        async with asked("POST", path, enroller, data=form) as answer:
            assert (answer.status, (await answer.json())["pending"]) == (201, 1)
        async with asked("GET", path, enroller) as answer:
            take = (await answer.json())["takes"][1]
            assert take["pending"]
        async with asked("POST", f"{path}/{take['id']}/confirm", enroller) as answer:
            assert answer.status == 403
        async with asked("POST", f"{path}/{take['id']}/confirm", operator) as answer:
            assert [one["pending"] for one in (await answer.json())["takes"]] == [False, False]
        async with asked("POST", f"{path}/{take['id']}/confirm", operator) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (404, "unknown_enrollment")

    with_server(scene.service, talk)


def test_on_the_command_line(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = command_over(tmp_path, ToyEncoder(), ToyActivity(), monkeypatch)
    kept, gone = scene.offer(scene.take()), scene.offer(scene.take(7.0))
    assert command("speakers") == 0
    assert "2 recordings waiting for 'voiceprint takes'" in capsys.readouterr().out
    assert command("takes", "Ada") == 0
    assert capsys.readouterr().out.count("waits for --confirm") == 2
    assert command("takes", "Ada", "--confirm", kept[:8]) == 0
    assert command("takes", "Ada", "--remove", gone[:8]) == 0
    assert command("takes", "Ada", "--confirm", gone[:8]) == 2
    scene.service.refresh()
    assert [len(scene.speaker().enrollments), len(scene.speaker().profile.pending)] == [2, 0]
