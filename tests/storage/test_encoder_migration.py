"""A store on its way to another encoder: what the two made never meets, and nothing is lost on the way."""

from pathlib import Path

import numpy as np
import pytest
from support.store_fixtures import ENCODER, enrollment, files, unit

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.errors import InputError, ModelError, StoreError
from voiceprint.storage.maintenance.bundle import read_bundle, take_bundle
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.encoder_migration import begin, finish, progress
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.maintenance.restore import restore
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.receipts import verify_receipt
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store

NEW = EncoderIdentity("another", "e" * 64, 192)
THIRD = EncoderIdentity("third", "d" * 64, 192)


def test_everybody_waits_with_what_they_had_and_is_enrolled_again_one_by_one(store: Store) -> None:
    ada = store.add_speaker("Ada", [enrollment(1), enrollment(2)])
    ben = store.add_speaker("Ben", [enrollment(3)])
    report = begin(store, NEW, enroll_waiting=True)
    assert (report.encoder, report.former, report.speakers, report.waiting) == (NEW.id, ENCODER.id, 2, 2)
    for speaker, before in zip(store.load().speakers, (ada, ben), strict=True):
        assert (speaker.pending_reenrollment, speaker.enrollments, speaker.profile) == (True, (), before.profile)
        for one, other in zip(speaker.former, before.enrollments, strict=True):
            np.testing.assert_array_equal(one.embedding, other.embedding)
    again = store.add_enrollments(ada.id, [enrollment(9)])
    assert (again.pending_reenrollment, again.former, len(again.enrollments)) == (False, (), 1)
    loaded = {speaker.id: speaker for speaker in store.load().speakers}
    assert (len(loaded[ada.id].enrollments), loaded[ada.id].former) == (1, ())
    assert loaded[ben.id].pending_reenrollment
    assert progress(store).waiting == 1
    assert check(store).whole


def test_a_whole_life_while_it_is_under_way(folder: Path, store: Store, keys: MasterKeys) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    ben = store.add_speaker("Ben", [enrollment(2)])
    begin(store, NEW, enroll_waiting=False)
    cem = store.add_speaker("Cem", [enrollment(3)])
    renew(store)
    rotate(store)
    store.rename(ben.id, "Benedikt")
    store.touch(ben.id, "2030-01-01")
    speakers = {speaker.name: speaker for speaker in store.load().speakers}
    assert {name: speaker.pending_reenrollment for name, speaker in speakers.items()} == {
        "Ada": True,
        "Benedikt": True,
        "Cem": False,
    }
    np.testing.assert_allclose(speakers["Ada"].former[0].embedding, unit(1), atol=1e-5)
    np.testing.assert_allclose(speakers["Cem"].enrollments[0].embedding, unit(3), atol=1e-5)
    store.forget(cem.id)
    assert check(store).whole
    with pytest.raises(ModelError):
        Store.open(folder, store.keys, ENCODER)
    Store.open(folder, store.keys, NEW).close()


def test_a_record_of_one_encoder_is_never_read_as_one_of_the_other(folder: Path, store: Store) -> None:
    ada = store.add_speaker("Ada", [enrollment(1)])
    begin(store, NEW, enroll_waiting=False)
    with store.writing() as rows:  # as if the former encoder had never been: its records must not open
        settings = rows.seals.settings
        rows.put_settings(rows.seals.with_settings(type(settings).unpack(_without_former(settings.pack()))))
    assert store.load().damaged == (ada.id,)


def _without_former(body: bytes) -> bytes:
    import msgspec

    fields = msgspec.msgpack.decode(body)
    return msgspec.msgpack.encode({**fields, "former": None})


def test_at_the_end_nothing_of_the_former_encoder_is_left(folder: Path, store: Store) -> None:
    ada = store.add_speaker("Ada", [enrollment(1)])
    ben = store.add_speaker("Ben", [enrollment(2)])
    begin(store, NEW, enroll_waiting=False)
    store.add_enrollments(ada.id, [enrollment(9)])
    with store.reading() as rows:
        tokens = [token for row in rows.tables.speakers() for token in row[2:]]
    with pytest.raises(InputError) as caught:
        finish(store, forget_waiting=False)
    assert (caught.value.code, progress(store).waiting) == ("people_waiting", 1)
    report, receipts = finish(store, forget_waiting=True)
    assert (report.former, report.speakers, report.waiting) == (None, 1, 0)
    assert [receipt.speaker for receipt in receipts] == [ben.id]
    verify_receipt(receipts[0], store)
    assert not any(token in files(folder) for token in tokens)
    assert [(who.id, who.former) for who in store.load().speakers] == [(ada.id, ())]
    assert check(store).whole
    with pytest.raises(InputError):
        finish(store, forget_waiting=False)


def test_the_way_back_is_open_until_the_end(store: Store) -> None:
    ada = store.add_speaker("Ada", [enrollment(1)])
    begin(store, NEW, enroll_waiting=False)
    ben = store.add_speaker("Ben", [enrollment(2)])
    with pytest.raises(ModelError) as caught:
        begin(store, THIRD, enroll_waiting=False)
    assert caught.value.code == "migration_unfinished"
    begin(store, ENCODER, enroll_waiting=False)
    assert {who.id: who.pending_reenrollment for who in store.load().speakers} == {ada.id: False, ben.id: True}
    assert check(store).whole


def test_who_runs_on_the_former_encoder_must_start_again(folder: Path, store: Store, keys: MasterKeys) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    server = Store.open(folder, keys, ENCODER)
    begin(store, NEW, enroll_waiting=False)
    for use in (server.load, lambda: server.add_speaker("Mallory", [enrollment(2)])):
        with pytest.raises(StoreError) as caught:
            use()
        assert caught.value.code == "encoder_changed"
    server.close()
    assert [who.name for who in store.load().speakers] == ["Ada"]


def test_a_bundle_taken_on_the_way_comes_back_on_the_way(tmp_path: Path, store: Store, keys: MasterKeys) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    begin(store, NEW, enroll_waiting=False)
    store.add_speaker("Ben", [enrollment(2)])
    sealed = take_bundle(store)
    restore(tmp_path / "copy", keys, read_bundle(sealed, keys=keys))
    copy = Store.open(tmp_path / "copy", keys, NEW)
    assert {who.name: who.pending_reenrollment for who in copy.load().speakers} == {"Ada": True, "Ben": False}
    np.testing.assert_array_equal(copy.load().speakers[0].former[0].embedding, unit(1))
    copy.close()
    other = Store.open(tmp_path / "other", keys, NEW)
    with pytest.raises(ModelError):
        restore(tmp_path / "other", keys, read_bundle(sealed, keys=keys))
    assert other.load().speakers == ()
    other.close()
