"""The store: durable, sealed, honest about damage, and empty where somebody was forgotten."""

from pathlib import Path

import numpy as np
import pytest
from support.store_fixtures import ENCODER, enrollment, files, put, row_of, tamper, unit

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import KeyFileError, ModelError, StoreError
from voiceprint.storage import audit
from voiceprint.storage.sealing.key_file import MasterKeys, create_key_file
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store


def test_everything_comes_back_after_closing(folder: Path, keys: MasterKeys, store: Store) -> None:
    consent = Consent(purpose="door bell", reference="form 7", expires="2027-01-01")
    ada = store.add_speaker("Ada", [enrollment(1), enrollment(2)], consent=consent)
    ben = store.add_speaker("Ben", [enrollment(3)])
    store.add_enrollments(ben.id, [enrollment(4)])
    store.rename(ben.id, "Benjamin")
    store.close()
    again = Store.open(folder, keys, ENCODER)
    loaded = again.load()
    again.close()
    assert loaded.damaged == ()
    assert [(who.id, who.name, len(who.enrollments)) for who in loaded.speakers] == [
        (ada.id, "Ada", 2),
        (ben.id, "Benjamin", 2),
    ]
    assert loaded.speakers[0].profile.consent == consent
    assert np.array_equal(loaded.speakers[0].enrollments[0].embedding, unit(1))
    assert loaded.speakers[0].enrollments[1].content == "content-2"
    assert loaded.speakers[0].enrollments[1].speech_seconds == 3.5


def test_only_this_user_can_read_it(folder: Path, store: Store) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600] * len(list(folder.iterdir()))


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"])
def test_no_template_and_no_name_lies_in_clear(folder: Path, store: Store, dtype: str) -> None:
    store.add_speaker("Adelheid Lovelace", [enrollment(1)])
    clear = files(folder)
    vector = unit(1).astype(dtype).tobytes()
    size = int(dtype[2])
    assert not any(vector[at : at + 4 * size] in clear for at in range(0, len(vector) - 4 * size, size))
    assert b"Adelheid" not in clear
    assert b"content-1" not in clear


def test_after_forgetting_no_byte_of_key_or_record_is_left(folder: Path, store: Store) -> None:
    gone = store.add_speaker("Ada", [enrollment(1), enrollment(2)])
    stays = store.add_speaker("Ben", [enrollment(3)])
    tokens = row_of(folder, gone.id)[2:]
    store.forget(gone.id)
    left = files(folder)
    for token in tokens:
        assert not any(token[at : at + 32] in left for at in range(0, len(token) - 32, 16))
    assert gone.id.encode() not in left
    assert [who.id for who in store.load().speakers] == [stays.id]
    with pytest.raises(StoreError) as caught:
        store.forget(gone.id)
    assert caught.value.code == "speaker_gone"


def test_somebody_forgotten_and_put_back_stays_forgotten(folder: Path, store: Store) -> None:
    gone = store.add_speaker("Ada", [enrollment(1)])
    row = row_of(folder, gone.id)
    store.forget(gone.id)
    put(folder, row)
    loaded = store.load()
    assert (loaded.speakers, loaded.damaged) == ((), (gone.id,))


def test_every_kind_of_damage_leaves_out_that_speaker_only(folder: Path, store: Store) -> None:
    whole = store.add_speaker("Whole", [enrollment(0)])
    names = ["flipped", "swapped-a", "swapped-b", "key-a", "key-b", "rolled-back", "body-of-before", "empty", "cut"]
    who = {name: store.add_speaker(name, [enrollment(at), enrollment(at + 50)]).id for at, name in enumerate(names)}
    first = {name: row_of(folder, who[name]) for name in names}
    for name in ("rolled-back", "body-of-before"):
        store.rename(who[name], "newer")

    def change(column: str, name: str, value: bytes) -> None:
        tamper(folder, f"UPDATE speakers SET {column} = ? WHERE id = ?", value, who[name])

    flipped = bytearray(first["flipped"][3])
    flipped[len(flipped) // 2] ^= 1
    change("body", "flipped", bytes(flipped))
    for one, other in (("a", "b"), ("b", "a")):
        change("body", f"swapped-{one}", first[f"swapped-{other}"][3])
        change("key", f"key-{one}", first[f"key-{other}"][2])
    put(folder, first["rolled-back"])
    change("body", "body-of-before", first["body-of-before"][3])
    change("key", "empty", b"")
    change("body", "cut", first["cut"][3][:-16])

    loaded = store.load()
    assert [speaker.id for speaker in loaded.speakers] == [whole.id]
    assert set(loaded.damaged) == set(who.values())
    with pytest.raises(StoreError) as caught:
        store.add_enrollments(who["flipped"], [enrollment(99)])
    assert caught.value.code == "record_damaged"
    store.forget(who["flipped"])  # what is damaged can still be forgotten
    assert who["flipped"] not in store.load().damaged


def test_swap_matrix_over_speakers_and_stores(tmp_path: Path, keys: MasterKeys) -> None:
    """Every key and every body of 30 speakers in 2 stores under the same master key, in one place of each kind."""
    folders = [tmp_path / "one", tmp_path / "two"]
    stores = [Store.open(folder, keys, ENCODER) for folder in folders]
    rows = [
        row_of(folder, store.add_speaker(f"speaker {number}", [enrollment(number)]).id)
        for store, folder in zip(stores, folders, strict=True)
        for number in range(15)
    ]
    accepted = tried = 0
    target = rows[0]
    for column, place in (("key", 2), ("body", 3)):
        for token in (token for row in rows for token in row[2:]):
            if token == target[place]:
                continue
            tamper(folders[0], f"UPDATE speakers SET {column} = ? WHERE id = ?", token, target[0])
            tried += 1
            accepted += target[0] in {speaker.id for speaker in stores[0].load().speakers}
        put(folders[0], target)
    for store in stores:
        store.close()
    assert (accepted, tried) == (0, 118)


def test_another_encoder_is_refused_with_the_way_on(folder: Path, keys: MasterKeys, store: Store) -> None:
    for other in (
        EncoderIdentity("campplus-zh-en", "e" * 64, 192),
        EncoderIdentity("ecapa-compact", "e" * 64, 192),
    ):
        with pytest.raises(ModelError) as caught:
            Store.open(folder, keys, other)
        assert caught.value.code == "encoder_mismatch"
        assert "--data" in caught.value.message
    assert Store.encoder_of(folder, keys) == ENCODER
    assert Store.encoder_of(folder / "nowhere", keys) is None


def test_a_key_that_opens_nothing_is_refused(tmp_path: Path, folder: Path, store: Store) -> None:
    other = create_key_file(tmp_path / "other.key", data=folder)
    with pytest.raises(KeyFileError) as caught:
        Store.open(folder, other, ENCODER)
    assert caught.value.code == "key_wrong"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"not a database, but long enough to look at" * 50, "store_damaged"),
        (b"SQLite format 3\0" + bytes(84), "store_damaged"),
    ],
)
def test_a_file_that_is_no_store_is_left_alone(folder: Path, keys: MasterKeys, content: bytes, code: str) -> None:
    folder.mkdir()
    (folder / DATABASE_NAME).write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Store.open(folder, keys, ENCODER)
    assert caught.value.code == "store_damaged"
    assert (folder / DATABASE_NAME).read_bytes() == content


def test_other_programs_and_newer_layouts_are_refused(folder: Path, keys: MasterKeys) -> None:
    folder.mkdir()
    tamper(folder, "CREATE TABLE theirs (a)")
    with pytest.raises(StoreError, match="another program"):
        Store.open(folder, keys, ENCODER)
    (folder / DATABASE_NAME).unlink()
    Store.open(folder, keys, ENCODER).close()
    tamper(folder, "PRAGMA user_version=99")
    with pytest.raises(StoreError) as caught:
        Store.open(folder, keys, ENCODER)
    assert caught.value.code == "store_newer"


def test_two_processes_see_each_other(folder: Path, keys: MasterKeys, store: Store) -> None:
    other = Store.open(folder, keys, ENCODER)
    version = store.data_version()
    store.add_speaker("Mine", [enrollment(1)])
    assert store.data_version() == version
    other.add_speaker("Theirs", [enrollment(2)])
    assert store.data_version() != version
    assert {who.name for who in store.load().speakers} == {"Mine", "Theirs"}
    other.close()


def test_content_hashes_belong_to_one_store(tmp_path: Path, keys: MasterKeys, store: Store) -> None:
    other = Store.open(tmp_path / "other", keys, ENCODER)
    assert store.content_hash(b"clip") == store.content_hash(b"clip")
    assert store.content_hash(b"clip") != other.content_hash(b"clip")
    other.close()


def test_nobody_who_was_forgotten_leaves_a_byte_among_many(folder: Path, store: Store) -> None:
    """Pages split, merge and are reused; renaming leaves older tokens behind as well."""
    people = [store.add_speaker(f"speaker {number}", [enrollment(number)]).id for number in range(90)]
    gone = [who for number, who in enumerate(people) if number % 3 == 0]
    tokens: list[bytes] = []
    for who in gone:
        tokens += row_of(folder, who)[2:]
        store.rename(who, "x" * 300)
        tokens += row_of(folder, who)[2:]
    for who in gone:
        store.forget(who)
    left = files(folder)
    assert [
        token for token in tokens if any(token[at : at + 32] in left for at in range(16, len(token) - 32, 32))
    ] == []


def test_an_empty_file_is_damage_and_not_a_new_store(folder: Path, keys: MasterKeys, store: Store) -> None:
    store.close()
    for path in folder.iterdir():
        path.unlink()
    (folder / DATABASE_NAME).touch()
    with pytest.raises(StoreError, match="is empty"):
        Store.open(folder, keys, ENCODER)
    assert (folder / DATABASE_NAME).stat().st_size == 0


def test_a_shared_folder_keeps_its_mode(tmp_path: Path, keys: MasterKeys) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    (shared / "somebody-elses.txt").touch()
    Store.open(shared, keys, ENCODER).close()
    assert shared.stat().st_mode & 0o777 == 0o755
    assert (shared / DATABASE_NAME).stat().st_mode & 0o777 == 0o600


def test_what_another_process_notes_is_no_reason_to_load_again(folder: Path, keys: MasterKeys, store: Store) -> None:
    other = Store.open(folder, keys, ENCODER)
    version = store.data_version()
    other.note("identified", status="unknown")
    assert store.data_version() == version
    other.close()


def test_the_day_somebody_was_seen_is_written_once(store: Store) -> None:
    ada = store.add_speaker("Ada", [enrollment(1)])
    assert store.touch(ada.id, "2026-01-02").profile.last_seen == "2026-01-02"
    before = len(audit.read(store))
    store.touch(ada.id, "2026-01-02")
    assert len(audit.read(store)) == before
    assert store.load().speakers[0].profile.last_seen == "2026-01-02"
