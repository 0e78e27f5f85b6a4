"""The service while its store is moved from one encoder to another."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from support.toys import ToyEncoder, heard, tone, toy_service

from voiceprint.api.presenters import speaker_info
from voiceprint.cli import main
from voiceprint.config import Settings
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import ModelError
from voiceprint.service.factory import identity_of
from voiceprint.service.results import Answer
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.maintenance.encoder_migration import begin, progress

ADA, BEN, STRANGER = 200, 400, 800
OLD, NEW = ToyEncoder(0), ToyEncoder(1)


@pytest.fixture
def people(tmp_path: Path) -> dict[str, str]:
    """Ada and Ben, enrolled under the old encoder: their ids."""
    with toy_service(tmp_path, OLD) as service:
        return {
            name: service.enroll_new(name, [service.admit(service.listen(tone(pitch)))]).speaker.id
            for name, pitch in (("Ada", ADA), ("Ben", BEN))
        }


@contextmanager
def moving(tmp_path: Path, *, enrolls: bool) -> Iterator[VoiceprintService]:
    with toy_service(tmp_path, OLD) as service:
        begin(service.store, identity_of(NEW), enroll_waiting=enrolls)
    with toy_service(tmp_path, NEW, former=OLD) as service:
        yield service


def ask(service: VoiceprintService, pitch: int, seconds: float = 4.0) -> Answer:
    answer = service.identify(heard(service, pitch, seconds))
    service.conclude(answer)
    return answer


def test_who_waits_is_recognised_and_nobody_by_the_wrong_encoder(tmp_path: Path, people: dict[str, str]) -> None:
    with moving(tmp_path, enrolls=False) as service:
        known = service.enrolled
        assert (*known.sizes, service.count(), len(service.enrolled.scope().pending)) == (0, 2, 2, 2)
        answer = ask(service, ADA)
        assert (answer.decision.status, answer.decision.speaker_id) == ("identified", people["Ada"])
        assert answer.decision.rule.endswith("by the former encoder")
        assert ask(service, STRANGER).decision.status == "unknown"
        assert service.verify(people["Ada"], heard(service, ADA)).decision.status == "accepted"
        assert service.verify(people["Ada"], heard(service, BEN)).decision.status == "rejected"
        # Both give 192 numbers; what waits was made by the old one, and is compared with what that one makes.
        voice = heard(service, ADA)
        assert voice.previous_embedding is not None
        assert voice.embedding is not None
        waiting = known.scope().pending.template(people["Ada"])
        assert float(waiting @ voice.previous_embedding) > 0.8
        assert abs(float(waiting @ voice.embedding)) < 0.4
        assert [speaker_info(who, service).waiting for who in service.speakers()] == [True, True]
        assert progress(service.store).waiting == 2  # the operator did not allow it


def test_who_is_recognised_with_confidence_is_enrolled_again(tmp_path: Path, people: dict[str, str]) -> None:
    with moving(tmp_path, enrolls=True) as service:
        ask(service, STRANGER)
        service.identify(heard(service, ADA))  # a guess, never concluded
        assert len(service.enrolled.scope().pending) == 2
        ask(service, ADA)
        assert (len(service.enrolled.scope().pending), len(service.enrolled.scope().gallery)) == (1, 1)
        again = ask(service, ADA)
        assert (again.decision.speaker_id, again.enrolls) == (people["Ada"], False)
        assert "former" not in again.decision.rule
        made_by_new = NEW.encode([service.listen(tone(ADA)).speech])[0]
        assert float(service.enrolled.scope().gallery.template(people["Ada"]) @ made_by_new) > 0.9
        assert ask(service, BEN).decision.speaker_id == people["Ben"]
        assert (len(service.enrolled.scope().pending), progress(service.store).waiting) == (0, 0)
        assert heard(service, BEN).previous_embedding is None  # nobody waits: one encoder is enough


def test_too_little_or_without_a_consent_that_stands_is_not_enrolled(tmp_path: Path, people: dict[str, str]) -> None:
    ended = Consent(purpose="door", expires=(datetime.now(UTC).date() - timedelta(days=1)).isoformat())
    with toy_service(tmp_path, OLD) as service:
        service.store.set_consent(people["Ben"], ended)
    with moving(tmp_path, enrolls=True) as service:
        service.settings = _with_longer_enrollment(service)
        assert ask(service, ADA, seconds=3).decision.speaker_id == people["Ada"]
        assert ask(service, BEN, seconds=7).decision.speaker_id == people["Ben"]
        assert len(service.enrolled.scope().pending) == 2
        assert ask(service, ADA, seconds=7).decision.speaker_id == people["Ada"]
        assert [speaker_info(who, service).waiting for who in service.speakers()] == [False, True]


def _with_longer_enrollment(service: VoiceprintService) -> Settings:
    return msgspec.structs.replace(service.settings, min_enroll_speech_seconds=5.0)


def test_whoever_enrolls_anew_or_is_forgotten_waits_no_more(tmp_path: Path, people: dict[str, str]) -> None:
    with moving(tmp_path, enrolls=False) as service:
        service.enroll_more(people["Ada"], [service.admit(service.listen(tone(ADA)))])
        service.forget(people["Ben"])
        assert (len(service.enrolled.scope().pending), len(service.enrolled.scope().gallery)) == (0, 1)
        assert ask(service, ADA).decision.speaker_id == people["Ada"]
        assert ask(service, BEN).decision.status == "unknown"
        service.enrolled.refresh()
    with toy_service(tmp_path, NEW, former=OLD) as again:
        assert ask(again, ADA).decision.speaker_id == people["Ada"]


def test_a_store_on_its_way_needs_both_encoders(tmp_path: Path, people: dict[str, str]) -> None:
    assert people
    with moving(tmp_path, enrolls=False):
        pass
    for encoder, former in ((OLD, OLD), (NEW, ToyEncoder(2)), (NEW, None)):
        with pytest.raises(ModelError), toy_service(tmp_path, encoder, former=former):
            pass


def test_the_command_says_how_far_it_is(
    tmp_path: Path, people: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(tmp_path / "master.key"))
    monkeypatch.setattr("voiceprint.encoding.catalog.find_encoder", lambda *_: None)
    monkeypatch.setattr("voiceprint.service.factory.load_encoder", lambda *_: NEW)
    at = ["--data", str(tmp_path / "index")]
    assert main(["migrate", *at]) == 0
    assert "belongs to toy-0; 2 speakers" in capsys.readouterr().out
    assert main(["migrate", "toy-1", "--enroll-when-recognised", "--json", *at]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["waiting"] == 2
    with toy_service(tmp_path, NEW, former=OLD) as service:
        ask(service, ADA)
    assert main(["migrate", "--finish", *at]) == 2
    assert "1 speakers still wait" in capsys.readouterr().err
    assert main(["migrate", "--finish", "--forget-waiting", *at]) == 0
    assert people["Ben"] in capsys.readouterr().out
    with toy_service(tmp_path, NEW) as service:
        assert [who.name for who in service.speakers()] == ["Ada"]
        assert ask(service, ADA).decision.speaker_id == people["Ada"]
    assert main(["migrate", "toy-2", "--finish", *at]) == 2
