"""Scopes on demand answer as one gallery does, stay within their budget, and follow what other servers change."""

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.toys import ToyEncoder, heard, tone, toy_service

from voiceprint.config import Settings
from voiceprint.errors import ConfigError, LimitError, SpeakerError
from voiceprint.service.factory import identity_of
from voiceprint.service.scopes_on_demand import ScopesOnDemand
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.maintenance.encoder_migration import begin
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.store import Store

HOME, WORK = frozenset({"home"}), frozenset({"work"})
LARGE = 1000


@pytest.fixture
def service(tmp_path: Path) -> Iterator[VoiceprintService]:
    with toy_service(tmp_path, memory_megabytes=LARGE) as service:
        yield service


def told(service: VoiceprintService, pitch: int, within: frozenset[str] | None) -> str | None:
    """The name of a voice."""
    speaker = service.get(service.identify(heard(service, pitch), within=within).decision.speaker_id or "")
    return speaker.name if speaker else None


def enroll(service: VoiceprintService, name: str, pitch: int, within: frozenset[str]) -> str:
    return service.enroll_new(name, [service.admit(service.listen(tone(pitch)))], within=within).speaker.id


def budget_for(service: VoiceprintService, scopes: int) -> None:
    """Let so many scopes of one speaker be in memory beside the index."""
    on_demand = service.enrolled
    assert isinstance(on_demand, ScopesOnDemand)
    on_demand._budget = on_demand._index.bytes + int((scopes + 0.5) * 10_000)
    on_demand._evict(on_demand._budget)


def loaded(service: VoiceprintService) -> int:
    memory = service.scope_memory
    assert memory is not None
    assert memory.bytes <= memory.budget
    return memory.loaded


def test_what_is_asked_for_is_loaded_and_answers_as_everything_in_memory_does(tmp_path: Path) -> None:
    with toy_service(tmp_path) as whole:
        enroll(whole, "Ada", 400, HOME)
        enroll(whole, "Ben", 800, WORK)
        enroll(whole, "Cem", 1200, HOME | WORK)
        assert whole.scope_memory is None
        with toy_service(tmp_path, memory_megabytes=LARGE) as service:
            assert (loaded(service), service.count(), service.count(HOME)) == (0, 3, 2)
            for within in (HOME, WORK, HOME | WORK, None):
                for pitch in (400, 800, 1200, 1600):
                    here, there = (one.identify(heard(one, pitch), within=within) for one in (service, whole))
                    assert (here.decision.status, here.decision.speaker_id) == (
                        there.decision.status,
                        there.decision.speaker_id,
                    )
                    assert here.decision.threshold == pytest.approx(there.decision.threshold)
                    assert [one.speaker_id for one in here.candidates] == [one.speaker_id for one in there.candidates]
            assert loaded(service) == 4
            for within in (HOME, WORK, None):
                assert [one.id for one in service.speakers(within)] == [one.id for one in whole.speakers(within)]
            ada = service.named("ada")
            for pitch in (400, 800):
                here, there = (one.verify(ada.id, heard(one, pitch), within=HOME) for one in (service, whole))
                assert here.decision.status == there.decision.status
            assert service.verify(ada.id, heard(service, 400), within=WORK).decision.status == "not_enrolled"


def test_the_scope_that_was_not_used_for_longest_is_evicted(service: VoiceprintService) -> None:
    for number in range(4):
        enroll(service, f"Speaker {number}", 400 * (number + 1), frozenset({f"group-{number}"}))
    budget_for(service, 2)
    for number in (0, 1, 0, 2, 0, 3):
        assert told(service, 400 * (number + 1), frozenset({f"group-{number}"})) == f"Speaker {number}"
    assert loaded(service) == 2
    assert service.enrolled.loaded(frozenset({"group-0"})) is not None
    assert service.enrolled.loaded(frozenset({"group-1"})) is None


def test_a_scope_in_use_is_not_pulled_away_and_counts(service: VoiceprintService) -> None:
    for number in range(3):
        enroll(service, f"Speaker {number}", 400 * (number + 1), frozenset({f"group-{number}"}))
    budget_for(service, 1)
    groups = [frozenset({f"group-{number}"}) for number in range(3)]
    held = service.hold(groups[0])
    with pytest.raises(LimitError, match="need about 1 MB"):
        service.hold(groups[1])
    assert service.hold(groups[0]) is held
    service.rename(service.named("Speaker 0").id, "Somebody else")
    assert told(service, 400, groups[0]) == "Somebody else"
    del held
    gc.collect()
    assert told(service, 800, groups[1]) == "Speaker 1"
    assert loaded(service) == 1


def test_more_than_the_budget_is_refused_and_evicts_nothing(service: VoiceprintService) -> None:
    for number in range(3):
        enroll(service, f"Speaker {number}", 400 * (number + 1), frozenset({f"group-{number}"}))
    budget_for(service, 1)
    assert told(service, 400, frozenset({"group-0"})) == "Speaker 0"
    with pytest.raises(LimitError, match="ask within fewer groups") as refused:
        service.identify(heard(service, 400))
    assert refused.value.code == "scope_too_large"
    assert loaded(service) == 1
    assert service.policy().score_shift == 0  # told without loading anything


def test_concurrent_askers_load_a_scope_once(service: VoiceprintService, monkeypatch: pytest.MonkeyPatch) -> None:
    enroll(service, "Ada", 400, HOME)
    budget_for(service, 0)
    with pytest.raises(LimitError):
        service.hold(WORK | HOME)
    budget_for(service, 2)
    read: list[int] = []
    some = Store.some

    def counted(self: Store, *args: object) -> object:
        read.append(1)
        return some(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "some", counted)
    askers = [threading.Thread(target=service.hold, args=(HOME | WORK,)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(read) == 1


def test_what_another_server_changed_is_followed_in_memory_and_not(tmp_path: Path, address: str | None) -> None:
    with (
        toy_service(tmp_path, store=address) as other,
        toy_service(tmp_path, store=address, memory_megabytes=LARGE) as service,
    ):
        ada, ben = enroll(other, "Ada", 400, HOME), enroll(other, "Ben", 800, WORK)
        assert told(service, 400, HOME) == "Ada"  # in memory from here on; WORK is not
        other.rename(ada, "Adelheid")
        other.rename(ben, "Benedikt")
        other.enroll_more(ben, [other.admit(other.listen(tone(800, 5.0)))])
        assert (told(service, 400, HOME), told(service, 800, WORK)) == ("Adelheid", "Benedikt")
        other.set_groups(ada, ["work"])
        assert (told(service, 400, HOME), told(service, 400, WORK), service.count(HOME)) == (None, "Adelheid", 0)
        other.forget(ada)
        assert (told(service, 400, WORK), service.find("Adelheid"), service.count()) == (None, None, 1)
        renew(other.store)
        assert told(service, 800, WORK) == "Benedikt"
        with pytest.raises(SpeakerError, match="under this name"):
            service.check_new_name("BENEDIKT")


def test_what_this_server_changes_is_told_from_memory_and_from_the_store(service: VoiceprintService) -> None:
    ada, ben = enroll(service, "Ada", 400, HOME), enroll(service, "Ben", 800, WORK)
    budget_for(service, 1)
    for _ in range(2):
        assert (told(service, 400, HOME), told(service, 800, WORK)) == ("Ada", "Ben")
    service.set_groups(ada, ["work", "home"])
    service.enroll_more(ben, [service.admit(service.listen(tone(800, 5.0)))], within=WORK)
    service.enrolled._budget *= 2  # type: ignore[attr-defined]
    assert told(service, 400, WORK) == "Ada"
    service.merge(ada, ben, within=WORK, force=True)
    assert (told(service, 800, WORK), service.count(WORK)) == ("Ada", 1)
    service.undo(within=WORK)
    assert (told(service, 800, WORK), told(service, 400, HOME)) == ("Ben", "Ada")
    service.forget(ada)
    assert (told(service, 400, HOME), told(service, 400, WORK), service.get(ada)) == (None, None, None)


def test_retention_sees_speakers_whose_scope_is_not_in_memory(tmp_path: Path) -> None:
    with toy_service(tmp_path) as whole:
        enroll(whole, "Ada", 400, HOME)
        ben = enroll(whole, "Ben", 800, WORK)
        with whole.store.writing() as rows:
            speaker, before = rows.read(ben)
            takes = tuple(replace(one, enrolled_at=1e9) for one in speaker.enrollments)
            aged = replace(speaker, enrollments=takes, profile=replace(speaker.profile, created_at=1e9))
            rows.write(aged, before, "updated")
    with toy_service(tmp_path, memory_megabytes=LARGE) as service:
        done = service.maintenance.sweep()
        assert ([one.speaker_id for one in done.waiting], done.receipts, loaded(service)) == ([ben], (), 0)


def test_speakers_of_the_former_encoder_are_asked_too(tmp_path: Path) -> None:
    with toy_service(tmp_path) as before:
        enroll(before, "Ada", 400, HOME)
        begin(before.store, identity_of(ToyEncoder(1)), enroll_waiting=False)
    with toy_service(tmp_path, ToyEncoder(1), former=ToyEncoder(), memory_megabytes=LARGE) as service:
        assert service.gallery_sizes == (0, 1)
        assert told(service, 400, HOME) == "Ada"
        enroll(service, "Ben", 800, HOME)
        assert (service.gallery_sizes, told(service, 800, HOME)) == ((1, 1), "Ben")


def test_a_row_that_was_put_back_is_left_out(service: VoiceprintService) -> None:
    ada = enroll(service, "Ada", 400, HOME)
    with service.store.reading() as rows:
        older = rows.tables.speaker(ada)
        assert older is not None
    service.enroll_more(ada, [service.admit(service.listen(tone(400, 5.0)))])
    budget_for(service, 0)
    with service.store.writing() as rows:
        rows.tables.put_speaker(older)
    service.enrolled._budget = 10**9  # type: ignore[attr-defined]
    assert told(service, 400, HOME | WORK) is None
    assert service.damaged == (ada,)


def test_a_budget_must_hold_the_index(service: VoiceprintService, monkeypatch: pytest.MonkeyPatch) -> None:
    enroll(service, "Ada", 400, HOME)
    monkeypatch.setattr("voiceprint.service.speaker_index._BYTES", 10**6)
    with pytest.raises(ConfigError, match="memory_megabytes is 0"):
        ScopesOnDemand(service.store, 192, budget=10**5)
    with pytest.raises(ConfigError, match="must be positive"):
        Settings(memory_megabytes=0)
