from pathlib import Path

import numpy as np
import pytest
from cryptography.fernet import Fernet
from support.store_fixtures import ENCODER, enrollment, tamper, unit

from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError, KeyFileError, ModelError, StoreError, VoiceprintError
from voiceprint.storage import audit
from voiceprint.storage.maintenance.bundle import read_bundle, take_bundle, write_bundle
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.restore import restore
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.receipts import verify_receipt
from voiceprint.storage.sealing.key_file import KeyFile, MasterKeys
from voiceprint.storage.store import Store

WORDS = "twelve or more"


def names(store: Store) -> list[str]:
    loaded = store.load()
    assert loaded.damaged == ()
    return [who.name for who in loaded.speakers]


def test_a_lost_store_comes_back_as_it_was(tmp_path: Path, keys: MasterKeys, store: Store) -> None:
    consent = Consent(purpose="door", reference="form 7")
    ada = store.add_speaker("Ada Lovelace", [enrollment(1), enrollment(2)], consent=consent)
    receipt = store.forget(store.add_speaker("Ben", [enrollment(3)]).id)
    renew(store)
    data = take_bundle(store)
    for clear in (b"Lovelace", b"door", unit(1).tobytes()[:16], ada.id.encode()):
        assert clear not in data
    report = restore(tmp_path / "new", keys, read_bundle(data, keys=keys))
    assert (report.added, report.forgotten, report.erased) == (1, 0, 0)
    back = Store.open(tmp_path / "new", keys, ENCODER)
    (again,) = back.load().speakers
    assert (again.id, again.profile.consent, again.profile.origin) == (ada.id, consent, None)
    assert np.allclose(again.enrollments[1].embedding, unit(2), atol=1e-6)
    assert again.enrollments[0].content == "content-1"
    assert back.content_hash(b"clip") == store.content_hash(b"clip")
    verify_receipt(receipt, back)
    assert check(back).whole
    back.close()


def test_who_was_forgotten_since_does_not_come_back(keys: MasterKeys, store: Store) -> None:
    ada = store.add_speaker("Ada", [enrollment(1)])
    store.add_speaker("Ben", [enrollment(2)])
    bundle = read_bundle(take_bundle(store), keys=keys)
    store.forget(ada.id)
    report = restore(Path(store.name).parent, keys, bundle)
    assert (report.added, report.present, report.forgotten) == (0, 1, 1)
    assert names(store) == ["Ben"]


def test_who_was_forgotten_elsewhere_is_erased_here_and_stays_away(
    tmp_path: Path, keys: MasterKeys, store: Store
) -> None:
    """The marks of one store hold in another, which has another secret."""
    ada = store.add_speaker("Ada", [enrollment(1)])
    store.add_speaker("Ben", [enrollment(2)])
    early = read_bundle(take_bundle(store), keys=keys)
    other = Store.open(tmp_path / "other", keys, ENCODER)
    other.add_speaker("Cleo", [enrollment(3)])
    assert restore(tmp_path / "other", keys, early).added == 2
    moved = {who.name: who.profile.origin for who in other.load().speakers}
    assert moved == {"Cleo": None, "Ada": store.id, "Ben": store.id}
    store.forget(ada.id)
    late = restore(tmp_path / "other", keys, read_bundle(take_bundle(store), keys=keys))
    assert (late.erased, late.present) == (1, 1)
    assert restore(tmp_path / "other", keys, early).forgotten == 1
    assert names(other) == ["Cleo", "Ben"]
    assert check(other).whole
    other.close()


def test_damaged_and_missing_speakers_are_replaced(folder: Path, keys: MasterKeys, store: Store) -> None:
    people = [store.add_speaker(name, [enrollment(at)]).id for at, name in enumerate(["Ada", "Ben", "Cleo", "Dan"])]
    bundle = read_bundle(take_bundle(store), keys=keys)
    tamper(folder, "UPDATE speakers SET body = zeroblob(9) WHERE id = ?", people[0])
    tamper(folder, "DELETE FROM speakers WHERE id = ?", people[1])
    tamper(folder, "UPDATE speakers SET key = zeroblob(90) WHERE id = ?", people[2])
    assert len(store.load().damaged) == 3
    report = restore(folder, keys, bundle)
    assert (report.replaced, report.present, report.added) == (3, 1, 0)
    assert sorted(names(store)) == ["Ada", "Ben", "Cleo", "Dan"]
    assert check(store).whole


def test_a_name_that_somebody_else_has_is_left_out_and_said(tmp_path: Path, keys: MasterKeys, store: Store) -> None:
    ada = store.add_speaker("Ada", [enrollment(1)])
    other = Store.open(tmp_path / "other", keys, ENCODER)
    other.add_speaker("ADA", [enrollment(2)])
    assert restore(tmp_path / "other", keys, read_bundle(take_bundle(store), keys=keys)).name_taken == (ada.id,)
    assert names(other) == ["ADA"]
    other.close()


def test_a_passphrase_moves_it_to_other_keys(tmp_path: Path, keys: MasterKeys, store: Store) -> None:
    ada = store.add_speaker("Ada", [enrollment(1)])
    store.add_speaker("Ben", [enrollment(2)])
    data = take_bundle(store, passphrase=WORDS, only=ada.id)
    theirs = MasterKeys((Fernet.generate_key(),), KeyFile(tmp_path / "theirs"))
    assert [who.name for who in read_bundle(data, keys=theirs, passphrase=WORDS).speakers] == ["Ada"]
    for wrong in (None, "something else"):
        with pytest.raises(InputError) as caught:
            read_bundle(data, keys=theirs, passphrase=wrong)
        assert caught.value.code == "bundle_sealed"
    with pytest.raises(InputError) as caught:
        take_bundle(store, passphrase="short")
    assert caught.value.code == "weak_passphrase"
    with pytest.raises(KeyFileError) as wrong_key:
        read_bundle(take_bundle(store), keys=theirs)
    assert wrong_key.value.code == "key_wrong"


def test_another_encoder_is_refused_and_nothing_changes(tmp_path: Path, keys: MasterKeys, store: Store) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    other = Store.open(tmp_path / "other", keys, EncoderIdentity("campplus-zh-en", "e" * 64, 192))
    with pytest.raises(ModelError) as caught:
        restore(tmp_path / "other", keys, read_bundle(take_bundle(store), keys=keys))
    assert caught.value.code == "encoder_mismatch"
    assert [line.event for line in audit.read(other)] == ["created"]
    other.close()


@pytest.mark.parametrize("data", [b"", b"VOICEPRINT BUNDLE\n", b"VOICEPRINT BUNDLE\n{}\nx", b"GIF89a", b"\xff" * 100])
def test_what_is_no_bundle_is_refused(keys: MasterKeys, data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_bundle(data, keys=keys)
    assert caught.value.code in ("not_a_bundle", "bundle_damaged")


def test_no_changed_bundle_opens(keys: MasterKeys, store: Store) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    data = take_bundle(store)
    for at in (*range(0, len(data), 7), *range(200), *range(len(data) - 8, len(data))):
        for bit in (1, 4, 16, 32):
            changed = bytearray(data)
            changed[at] ^= bit
            with pytest.raises(VoiceprintError):
                read_bundle(bytes(changed), keys=keys)
    newer = data.replace(b'"version":1', b'"version":2')
    with pytest.raises(InputError) as caught:
        read_bundle(newer, keys=keys)
    assert caught.value.code == "bundle_newer"


def test_a_bundle_is_written_for_this_user_and_never_over_a_file(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "backup.bundle"
    write_bundle(take_bundle(store), path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StoreError) as caught:
        write_bundle(b"", path)
    assert caught.value.code == "bundle_not_written"
    assert path.stat().st_size > 0


def test_the_head_of_a_bundle_is_bound_to_what_is_inside(keys: MasterKeys, store: Store) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    data = take_bundle(store, passphrase=WORDS)
    other = data.replace(store.id.encode(), b"0" * 32, 1)
    assert other != data
    with pytest.raises(InputError) as caught:
        read_bundle(other, keys=keys, passphrase=WORDS)
    assert caught.value.code == "bundle_damaged"
