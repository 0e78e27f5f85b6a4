"""Parts: what makes a start with many speakers quick changes nothing about who is there."""

import sqlite3
from pathlib import Path

import msgspec
import pytest
from support.store_fixtures import ENCODER, enrollment, files, tamper

from voiceprint.domain.speaker import EncoderIdentity, StoredSpeaker
from voiceprint.storage.maintenance.bundle import read_bundle, take_bundle
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.encoder_migration import begin
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.maintenance.restore import restore
from voiceprint.storage.maintenance.snapshot_keeper import SnapshotKeeper
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.snapshot.generations import part_of
from voiceprint.storage.snapshot.snapshot import load_parts, open_part, put_part
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store

PEOPLE = 12
TABLES = ("parts", "keys", "records")
Told = dict[str, tuple[str, str | None, tuple[tuple[str, float, str, bytes], ...]]]


def told(speakers: tuple[StoredSpeaker, ...]) -> Told:
    return {
        who.id: (
            who.name,
            who.profile.last_seen,
            tuple((one.id, one.speech_seconds, one.content, one.embedding.tobytes()) for one in who.enrollments),
        )
        for who in speakers
    }


def from_parts(store: Store) -> Told | None:
    """None where the parts were not used."""
    with store.reading() as rows:
        loaded = load_parts(rows)
    return None if loaded is None else told(loaded.speakers)


def make_parts(store: Store) -> None:
    store.load()
    assert SnapshotKeeper(store).visit_all() == ()


@pytest.fixture
def people(store: Store) -> list[StoredSpeaker]:
    made = [store.add_speaker(f"Person {number}", [enrollment(number), enrollment(99)]) for number in range(PEOPLE)]
    make_parts(store)
    return made


def test_they_are_made_of_a_store_that_was_not_loaded(store: Store, folder: Path, keys: MasterKeys) -> None:
    """The generations are then summed up by the keeper itself; without that it sealed nothing, and said nothing."""
    for number in range(PEOPLE):
        store.add_speaker(f"Person {number}", [enrollment(number)])
    expected = told(store.load().speakers)
    other = Store.open(folder, keys, ENCODER)
    assert SnapshotKeeper(other).visit_all() == ()
    assert from_parts(other) == expected
    other.close()


def test_none_is_made_of_a_store_that_does_not_add_up(store: Store, folder: Path, keys: MasterKeys) -> None:
    gone, *_ = [store.add_speaker(f"Person {number}", [enrollment(number)]).id for number in range(3)]
    tamper(folder, "DELETE FROM keys WHERE speaker_id = ?", gone)
    other = Store.open(folder, keys, ENCODER)
    SnapshotKeeper(other).visit_all()
    assert from_parts(other) is None
    other.close()


def test_they_hold_everybody_exactly_as_the_rows_do(store: Store, people: list[StoredSpeaker]) -> None:
    assert from_parts(store) == told(store.load().speakers)
    assert len(people) == PEOPLE


def test_what_changed_since_comes_from_the_rows(store: Store, people: list[StoredSpeaker]) -> None:
    store.touch(people[0].id, "2030-01-01")
    store.add_enrollments(people[1].id, [enrollment(50)])
    store.add_speaker("New", [enrollment(51)])
    store.rename(people[2].id, "Other")
    store.forget(people[3].id)
    found = from_parts(store)
    assert found == told(store.load().speakers)
    assert found[people[0].id][1] == "2030-01-01"
    assert people[3].id not in found


def test_a_day_on_which_somebody_was_seen_leaves_the_part_there(
    store: Store,
    people: list[StoredSpeaker],
) -> None:
    store.touch(people[0].id, "2030-01-01")
    with store.reading() as rows:
        assert part_of(people[0].id) in rows.parts


def test_whoever_is_forgotten_takes_the_part_with_them(
    store: Store,
    folder: Path,
    people: list[StoredSpeaker],
) -> None:
    gone = people[0].id
    with store.reading() as rows:
        sql = "SELECT key, block FROM parts WHERE part = ?"
        key, block = rows.database.execute(sql, (part_of(gone),)).fetchone()
    assert bytes(key) in files(folder)
    store.forget(gone)
    left = files(folder)
    assert bytes(key) not in left
    # A block of some pages lies in pieces; every piece must be gone.
    assert not [at for at in range(0, len(block) - 64, 64) if block[at : at + 64] in left]


def test_a_name_that_is_no_longer_right_does_not_stay_sealed(
    store: Store,
    people: list[StoredSpeaker],
) -> None:
    store.rename(people[0].id, "Other")
    with store.reading() as rows:
        assert part_of(people[0].id) not in rows.parts


@pytest.mark.parametrize("column", ["key", "block"])
def test_a_changed_part_is_not_used(
    store: Store,
    folder: Path,
    people: list[StoredSpeaker],
    column: str,
) -> None:
    name = part_of(people[0].id)
    tamper(folder, f"UPDATE parts SET {column} = zeroblob(length({column})) WHERE part = ?", name)
    with store.reading() as rows:
        assert open_part(rows, name) is None
    assert from_parts(store) == told(store.load().speakers)


def test_parts_in_each_others_place_do_not_open(
    store: Store,
    folder: Path,
    people: list[StoredSpeaker],
) -> None:
    one, two = sorted({part_of(who.id) for who in people})[:2]
    for before, after in ((one, "x"), (two, one), ("x", two)):
        tamper(folder, "UPDATE parts SET part = ? WHERE part = ?", after, before)
    with store.reading() as rows:
        assert open_part(rows, one) is None
        assert open_part(rows, two) is None
    assert from_parts(store) == told(store.load().speakers)


def test_a_part_that_was_laid_out_otherwise_is_made_again(
    store: Store, people: list[StoredSpeaker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voiceprint.storage.snapshot.snapshot._LAYOUT", 99)
    assert from_parts(store) is None
    make_parts(store)
    assert from_parts(store) == told(store.load().speakers)
    assert len(people) == PEOPLE


@pytest.mark.parametrize("harm", ["speaker_id = 'zz' || substr(speaker_id, 3)", "generation = generation + 1"])
def test_none_is_used_where_the_rows_say_something_else(
    store: Store, folder: Path, people: list[StoredSpeaker], harm: str
) -> None:
    tamper(folder, f"UPDATE keys SET {harm} WHERE speaker_id = ?", people[0].id)
    assert from_parts(store) is None
    assert people[0].id not in told(store.load_quickly().speakers)


def test_what_was_remembered_of_the_parts_is_what_the_rows_say(store: Store, people: list[StoredSpeaker]) -> None:
    store.touch(people[0].id, "2030-01-01")
    assert from_parts(store) is not None
    with store.reading() as rows:
        there = rows.tables.generations()
        assert {who: rows.manifest.believed(who) for who in there} == there
        assert rows.manifest.believed("0" * 32) == 0
    store.forget(people[0].id)
    with store.reading() as rows:
        assert [rows.manifest.believed(who.id) for who in people[:2]] == [0, there[people[1].id]]


def test_another_stores_part_does_not_open(
    store: Store, folder: Path, keys: MasterKeys, tmp_path: Path, people: list[StoredSpeaker]
) -> None:
    name = part_of(people[0].id)
    other = Store.open(tmp_path / "other", keys, ENCODER)
    stranger = other.add_speaker("Stranger", [enrollment(1)])
    with other.writing() as rows:
        put_part(rows, name, {people[0].id: (msgspec.structs.replace(stranger, id=people[0].id), 1)})
        foreign = rows.database.execute("SELECT part, key, block FROM parts").fetchone()
    other.close()
    tamper(folder, "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", *foreign)
    with store.reading() as rows:
        assert open_part(rows, name) is None
    assert from_parts(store) == told(store.load().speakers)


def test_who_was_brought_back_from_a_bundle_is_not_taken_from_an_older_part(
    store: Store, folder: Path, keys: MasterKeys, people: list[StoredSpeaker]
) -> None:
    who = people[0].id
    with store.reading() as rows:
        older = rows.database.execute("SELECT * FROM parts WHERE part = ?", (part_of(who),)).fetchone()
    store.rename(who, "Other")
    bundle = read_bundle(take_bundle(store), keys=keys)
    tamper(folder, "UPDATE records SET token = zeroblob(100) WHERE speaker_id = ?", who)
    assert restore(folder, keys, bundle).replaced == 1
    tamper(folder, "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", *older)
    found = told(store.load_quickly().speakers)
    assert found == told(store.load().speakers)
    assert found[who][0] == "Other"


def test_an_older_part_put_back_brings_nothing_back(
    store: Store,
    folder: Path,
    people: list[StoredSpeaker],
) -> None:
    renamed, gone = people[0].id, people[1].id
    with store.reading() as rows:
        older = {table: rows.database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    store.rename(renamed, "Other")
    store.forget(gone)
    expected = told(store.load().speakers)
    for row in older["parts"]:
        tamper(folder, "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", *row)
    assert from_parts(store) in (None, expected)
    assert told(store.load_quickly().speakers) == expected
    tamper(folder, "DELETE FROM tombstones")
    for row in older["keys"]:
        tamper(folder, "INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", *row)
    for row in older["records"]:
        tamper(folder, "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", *row)
    assert from_parts(store) is None
    found = told(store.load_quickly().speakers)
    assert gone not in found
    assert renamed not in found


def test_none_is_used_where_a_mark_of_the_forgotten_is_missing(
    store: Store,
    folder: Path,
    people: list[StoredSpeaker],
) -> None:
    store.forget(people[0].id)
    assert from_parts(store) is not None
    tamper(folder, "DELETE FROM tombstones")
    assert from_parts(store) is None


def test_none_outlives_a_new_master_key_or_a_renewal(
    store: Store,
    people: list[StoredSpeaker],
) -> None:
    for change in (rotate, renew):
        make_parts(store)
        assert from_parts(store) is not None
        change(store)
        with store.reading() as rows:
            assert rows.database.execute("SELECT count(*) FROM parts").fetchone() == (0,)
        make_parts(store)
        assert from_parts(store) == told(store.load().speakers)
    assert len(people) == PEOPLE


def test_none_is_used_under_another_encoder(store: Store, people: list[StoredSpeaker]) -> None:
    begin(store, EncoderIdentity("other", "a" * 64, 192), enroll_waiting=False)
    assert from_parts(store) is None
    assert all(who.pending_reenrollment for who in store.load_quickly().speakers)
    assert len(people) == PEOPLE


def test_damaged_rows_are_found_on_the_way_and_leave_the_part(
    store: Store,
    folder: Path,
    people: list[StoredSpeaker],
) -> None:
    harmed = people[0].id
    tamper(folder, "UPDATE records SET token = zeroblob(100) WHERE speaker_id = ?", harmed)
    quickly = from_parts(store)
    assert quickly is not None
    assert harmed in quickly  # what was sealed of them is sound
    assert not check(store).whole
    assert SnapshotKeeper(store).visit_all() == (harmed,)
    assert harmed not in told(store.load_quickly().speakers)
    assert store.load_quickly().damaged == (harmed,)


def test_who_cannot_be_found_by_an_index_is_not_left_out(
    store: Store, folder: Path, keys: MasterKeys, people: list[StoredSpeaker]
) -> None:
    who, everybody = people[3].id, told(store.load().speakers)
    store.close()
    with sqlite3.connect(folder / DATABASE_NAME) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("DELETE FROM parts WHERE part = ?", (who[:2],))
    database.close()
    sound = (folder / DATABASE_NAME).read_bytes()
    places = [at for at in range(len(sound)) if sound.startswith(who.encode(), at)]
    assert len(places) >= 4, "the tables of keys and of records, and their indexes"
    lost = 0
    for at in places:
        (folder / DATABASE_NAME).write_bytes(sound[: at + 9] + bytes([sound[at + 9] ^ 1]) + sound[at + 10 :])
        damaged = Store.open_existing(folder, keys)
        by_rows, quickly = told(damaged.load().speakers), told(damaged.load_quickly().speakers)
        damaged.close()
        assert by_rows.items() <= quickly.items() <= everybody.items()
        lost += who not in by_rows
    assert 0 < lost < len(places)


def test_who_changed_since_is_not_sealed_from_rows_that_do_not_add_up(
    store: Store,
    folder: Path,
    people: list[StoredSpeaker],
) -> None:
    with store.reading() as rows:
        older = rows.database.execute("SELECT * FROM keys WHERE speaker_id = ?", (people[0].id,)).fetchone()
        records = rows.database.execute("SELECT * FROM records WHERE speaker_id = ?", (people[0].id,)).fetchall()
    store.rename(people[0].id, "Other")
    tamper(folder, "INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", *older)
    for row in records:
        tamper(folder, "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", *row)
    SnapshotKeeper(store).visit_all()
    with store.reading() as rows:
        assert part_of(people[0].id) not in rows.parts


def test_an_older_store_gets_the_table(store: Store, folder: Path, keys: MasterKeys) -> None:
    store.add_speaker("Ann", [enrollment(1)])
    store.close()
    database = sqlite3.connect(folder / DATABASE_NAME)
    database.execute("DROP TABLE parts")
    database.execute("PRAGMA user_version=1")
    database.close()
    again = Store.open(folder, keys, ENCODER)
    make_parts(again)
    assert from_parts(again) == told(again.load().speakers)
    again.close()
