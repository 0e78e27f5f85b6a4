"""Both engines keep the same promises: a SQLite file, and a PostgreSQL database on a real server."""

from pathlib import Path

import numpy as np
import pytest
from support.postgres import PostgresServer
from support.store_fixtures import ENCODER, enrollment, unit

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.errors import KeyFileError, StoreError
from voiceprint.storage import audit, changes
from voiceprint.storage.engine import Place
from voiceprint.storage.maintenance.audit_trimming import trim
from voiceprint.storage.maintenance.bundle import read_bundle, take_bundle
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.encoder_migration import begin, finish
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.maintenance.restore import restore
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.receipts import verify_receipt
from voiceprint.storage.sealing.key_file import KeyFile, MasterKeys
from voiceprint.storage.store import Store, has_store
from voiceprint.storage.tokens import add_token, list_tokens

OTHER = EncoderIdentity("other", "e" * 64, 192)


def names(store: Store) -> list[str]:
    loaded = store.load()
    assert loaded.damaged == ()
    return sorted(speaker.name for speaker in loaded.speakers)


def test_a_store_is_made_once_and_found_again(place: Place, keys: MasterKeys) -> None:
    assert not has_store(place)
    with pytest.raises(StoreError) as caught:
        Store.open_existing(place, keys)
    assert caught.value.code == "store_missing"
    for number in range(2):
        store = Store.open(place, keys, ENCODER)
        store.add_speaker(f"Person {number}", [enrollment(number)])
        store.close()
    assert has_store(place)
    store = Store.open(place, keys, ENCODER)
    assert names(store) == ["Person 0", "Person 1"]
    store.close()


def test_every_change_is_kept_and_adds_up(kept: Store, place: Place, keys: MasterKeys) -> None:
    ada = kept.add_speaker("Ada", [enrollment(1), enrollment(2)], groups=("team",))
    ben = kept.add_speaker("Ben", [enrollment(3)])
    kept.rename(ada.id, "Adelheid")
    kept.add_enrollments(ada.id, [enrollment(4)])
    kept.touch(ada.id, "2030-01-01")
    changes.remove_enrollment(kept, ada.id, ada.enrollments[0].id)
    changes.merge(kept, ada.id, ben.id)
    assert names(kept) == ["Adelheid"]
    last = changes.undoable(kept)
    assert last is not None
    changes.undo(kept, last.id)
    receipt = kept.forget(ben.id)
    verify_receipt(receipt, kept)
    add_token(kept, "door", ("identify",))
    again = Store.open(place, keys, ENCODER)
    (found,) = again.load().speakers
    assert (found.name, found.profile.groups, found.profile.last_seen) == ("Adelheid", ("team",), "2030-01-01")
    assert [one.content for one in found.enrollments] == ["content-2", "content-4"]
    np.testing.assert_array_equal(found.enrollments[1].embedding, unit(4))
    assert [token.name for token in list_tokens(again)] == ["door"]
    assert check(again).faults == ()
    assert audit.verify(again).whole
    again.close()


def test_rotation_renewal_migration_and_trimming(kept: Store, place: Place, keys: MasterKeys) -> None:
    ada = kept.add_speaker("Ada", [enrollment(1)])
    report = rotate(kept)
    assert (report.rewrapped, report.old_keys_dropped) == (1, True)
    with pytest.raises(KeyFileError):
        Store.open_existing(place, MasterKeys(keys.keys, KeyFile(Path("nowhere"))))
    assert renew(kept).speakers == 1
    np.testing.assert_allclose(kept.load().speakers[0].enrollments[0].embedding, unit(1), atol=1e-6)
    begin(kept, OTHER, enroll_waiting=False)
    assert kept.load().speakers[0].pending_reenrollment
    kept.add_enrollments(ada.id, [enrollment(2)])
    finish(kept, forget_waiting=False)
    assert trim(kept, days=1, now=4e9) > 0
    assert names(kept) == ["Ada"]
    assert check(kept).whole


def test_a_bundle_goes_from_either_to_either(
    kept: Store, tmp_path: Path, keys: MasterKeys, postgres_server: PostgresServer
) -> None:
    kept.forget(kept.add_speaker("Gone", [enrollment(9)]).id)
    kept.add_speaker("Ada", [enrollment(1)])
    sealed = take_bundle(kept)
    for place in (tmp_path / "copy", postgres_server.new_database()):
        assert restore(place, keys, read_bundle(sealed, keys=keys)).added == 1
        copy = Store.open(place, keys, ENCODER)
        assert (names(copy), copy.id) == (["Ada"], kept.id)
        assert check(copy).whole
        copy.close()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE speakers SET key = body", "is damaged or was put back"),
        ("UPDATE speakers SET body = key", "is damaged or was put back"),
        ("UPDATE speakers SET generation = 7", "is damaged or was put back"),
        ("DELETE FROM speakers", "was taken away without being forgotten"),
        ("DELETE FROM tombstones", "1 marks of forgotten speakers were taken away."),
        ("DELETE FROM audit WHERE number = 2", "audit log"),
    ],
)
def test_what_somebody_else_changed_is_said(kept: Store, sql: str, said: str) -> None:
    kept.forget(kept.add_speaker("Gone", [enrollment(9)]).id)
    kept.add_speaker("Ada", [enrollment(1)])
    with kept.writing() as rows:
        rows.tables.database.execute(sql)
    assert any(said in fault for fault in check(kept).faults)


def test_two_see_each_others_changes(kept: Store, place: Place, keys: MasterKeys) -> None:
    other = Store.open(place, keys, ENCODER)
    before = other.data_version()
    kept.note("decision")
    assert other.data_version() == before  # no speaker changed
    ada = kept.add_speaker("Ada", [enrollment(1)])
    assert other.data_version() != before
    other.rename(ada.id, "Adelheid")
    assert names(kept) == ["Adelheid"]
    kept.forget(ada.id)
    assert names(other) == []
    assert check(other).whole
    other.close()
