"""Single takes go, two entries become one, and the last change is taken back: sealed, for an hour, never an erasure."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.store_fixtures import ENCODER, enrollment, tamper

from voiceprint.domain.speaker import EncoderIdentity, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError, SpeakerError
from voiceprint.storage import changes, last_change
from voiceprint.storage.last_change import LastChange
from voiceprint.storage.maintenance.bundle import read_bundle, take_bundle
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.encoder_migration import begin
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.maintenance.restore import restore
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store

Person = tuple[str, str, tuple[str, ...], Consent | None, tuple[str, ...]]


def people(store: Store) -> dict[str, Person]:
    """Everything that an undo must bring back, by id."""
    assert check(store).faults == ()
    loaded = store.load()
    assert loaded.damaged == ()
    return {who.id: _person(who) for who in loaded.speakers}


def _person(who: StoredSpeaker) -> Person:
    profile = who.profile
    takes = tuple(sorted(one.id for one in who.enrollments))
    return who.id, who.name, takes, profile.consent, profile.groups


def undo(store: Store) -> LastChange:
    last = changes.undoable(store)
    assert last is not None
    changes.undo(store, last.id)
    return last


@pytest.fixture
def two(store: Store) -> tuple[StoredSpeaker, StoredSpeaker]:
    consent = Consent(purpose="door", expires="2999-01-01")
    ada = store.add_speaker("Ada", [enrollment(1), enrollment(2)], consent=consent, groups=("home",))
    other = store.add_speaker("Ada phone", [enrollment(3), enrollment(4)], consent=Consent(purpose="phone"))
    return ada, store.touch(other.id, "2026-02-03")


CHANGES: dict[str, Callable[[Store, StoredSpeaker, StoredSpeaker], object]] = {
    "enroll": lambda store, _ada, _other: store.add_speaker("Ben", [enrollment(9)]),
    "add": lambda store, ada, _other: store.add_enrollments(ada.id, [enrollment(9)], consent=Consent(purpose="new")),
    "remove": lambda store, ada, _other: changes.remove_enrollment(store, ada.id, ada.enrollments[0].id),
    "merge": lambda store, ada, other: changes.merge(store, ada.id, other.id),
    "rename": lambda store, ada, _other: store.rename(ada.id, "Augusta"),
    "groups": lambda store, ada, _other: store.set_groups(ada.id, ("work",)),
    "consent": lambda store, ada, _other: store.set_consent(ada.id, None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_last_change_is_taken_back_once(
    store: Store, folder: Path, keys: MasterKeys, two: tuple[StoredSpeaker, StoredSpeaker], name: str
) -> None:
    before = people(store)
    CHANGES[name](store, *two)
    assert people(store) != before
    store.close()
    again = Store.open(folder, keys, ENCODER)
    undo(again)
    assert people(again) == before
    assert changes.undoable(again) is None
    again.rename(two[1].id, "Augusta")  # what came back can be changed like anything else
    assert people(again)[two[1].id][1] == "Augusta"
    again.close()


def test_of_two_changes_only_the_last_goes_and_a_day_that_was_seen_stays(
    store: Store, two: tuple[StoredSpeaker, StoredSpeaker]
) -> None:
    store.rename(two[0].id, "Augusta")
    store.rename(two[0].id, "Lovelace")
    store.touch(two[0].id, "2026-05-06")
    store.note("decision")
    assert undo(store).event == "renamed"
    (augusta, _) = store.load().speakers
    assert (augusta.name, augusta.profile.last_seen) == ("Augusta", "2026-05-06")


ENDS: dict[str, Callable[[Store, StoredSpeaker], object]] = {
    "forget": lambda store, ada: store.forget(ada.id),
    "renew": lambda store, _ada: renew(store),
    "rotate": lambda store, _ada: rotate(store),
    "migrate": lambda store, _ada: begin(store, EncoderIdentity("toy", "0" * 64, 192), enroll_waiting=False),
}


@pytest.mark.parametrize("name", ENDS)
def test_nothing_is_undone_across_an_erasure_or_another_key(
    store: Store, two: tuple[StoredSpeaker, StoredSpeaker], name: str
) -> None:
    changes.merge(store, two[0].id, two[1].id)
    last = changes.undoable(store)
    assert last is not None
    ENDS[name](store, two[0])
    assert changes.undoable(store) is None
    with pytest.raises(InputError, match="changed since"):
        changes.undo(store, last.id)


def test_a_row_put_back_after_forgetting_brings_nobody_back(
    store: Store, folder: Path, two: tuple[StoredSpeaker, StoredSpeaker]
) -> None:
    ada, other = two
    changes.merge(store, ada.id, other.id)
    database = sqlite3.connect(folder / DATABASE_NAME)
    ((row,),) = database.execute("SELECT value FROM meta WHERE key = 'undo'").fetchall()
    database.close()
    store.forget(ada.id)
    tamper(folder, "INSERT OR REPLACE INTO meta VALUES ('undo', ?)", row)
    assert changes.undoable(store) is None
    store.add_speaker("Ben", [enrollment(5)])
    tamper(folder, "INSERT OR REPLACE INTO meta VALUES ('undo', ?)", row)
    assert changes.undoable(store) is None
    assert [who.name for who in store.load().speakers] == ["Ben"]


@pytest.mark.parametrize("seconds", [last_change.UNDO_SECONDS + 1, -1])
def test_after_its_time_the_next_write_leaves_nothing_of_it(
    store: Store,
    folder: Path,
    two: tuple[StoredSpeaker, StoredSpeaker],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
) -> None:
    changes.remove_enrollment(store, two[0].id, two[0].enrollments[0].id)
    last = changes.undoable(store)
    assert last is not None
    monkeypatch.setattr(last_change.time, "time", lambda: last.at + seconds)  # type: ignore[attr-defined]
    assert changes.undoable(store) is None
    store.note("decision")
    database = sqlite3.connect(folder / DATABASE_NAME)
    assert database.execute("SELECT count(*) FROM meta WHERE key = 'undo'").fetchone() == (0,)
    database.close()


def test_two_entries_become_one_with_the_consent_that_ends_first(
    store: Store, two: tuple[StoredSpeaker, StoredSpeaker]
) -> None:
    ada, other = two
    merged = changes.merge(store, ada.id, other.id)
    (loaded,) = store.load().speakers
    assert _person(loaded) == _person(merged)
    assert (loaded.id, loaded.name, len(loaded.enrollments)) == (ada.id, "Ada", 4)
    assert loaded.profile.consent == Consent(purpose="door", expires="2999-01-01")
    assert (loaded.profile.groups, loaded.profile.last_seen) == (("home",), "2026-02-03")
    assert np.allclose(loaded.enrollments[-1].embedding, other.enrollments[-1].embedding)


def test_a_bundle_from_before_does_not_bring_the_merged_entry_back(
    store: Store, folder: Path, keys: MasterKeys, two: tuple[StoredSpeaker, StoredSpeaker]
) -> None:
    bundle = read_bundle(take_bundle(store), keys=keys)
    changes.merge(store, two[0].id, two[1].id)
    assert (report := restore(folder, keys, bundle)).forgotten == 1
    assert report.added == 0
    store.forget(two[0].id)
    assert restore(folder, keys, bundle).forgotten == 2
    assert store.load().speakers == ()


@pytest.mark.parametrize(("number", "code"), [(0, "last_enrollment"), (None, "unknown_enrollment")])
def test_a_take_that_cannot_go_is_refused(store: Store, number: int | None, code: str) -> None:
    ben = store.add_speaker("Ben", [enrollment(5)])
    with pytest.raises(SpeakerError) as refused:
        changes.remove_enrollment(store, ben.id, "0" * 32 if number is None else ben.enrollments[number].id)
    assert refused.value.code == code
    assert len(people(store)) == 1


def test_people_who_wait_are_merged_and_parted(store: Store, two: tuple[StoredSpeaker, StoredSpeaker]) -> None:
    ada, other = two
    begin(store, EncoderIdentity("toy", "0" * 64, 192), enroll_waiting=False)
    store.add_enrollments(other.id, [enrollment(7)])
    before = {who.id: (len(who.enrollments), len(who.former)) for who in store.load().speakers}
    changes.merge(store, ada.id, other.id)
    (merged,) = store.load().speakers
    assert (len(merged.enrollments), len(merged.former)) == (1, 0)
    undo(store)
    assert {who.id: (len(who.enrollments), len(who.former)) for who in store.load().speakers} == before
