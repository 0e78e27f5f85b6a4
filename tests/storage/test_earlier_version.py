"""A store, a bundle, a receipt and a token that version 0.1 wrote (commit 3a44e8c) open unchanged.

Vectors are random and the key was made for this test. The store was renewed, took in another store's bundle, and is on
its way to a second encoder; Dan was erased, and so was Fay in the other store.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceprint.domain.speaker import EncoderIdentity, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.storage.maintenance.bundle import read_bundle
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.encoder_migration import finish
from voiceprint.storage.maintenance.restore import restore
from voiceprint.storage.receipts import parse_receipt, verify_receipt
from voiceprint.storage.sealing.key_file import MasterKeys, load_key_file
from voiceprint.storage.store import Store
from voiceprint.storage.tokens import hash_token, list_tokens

DATA = Path(__file__).parent / "data" / "version-0.1"
ENCODER = EncoderIdentity("second", "2" * 64, 24)
TEMPLATES = {"Ada Lovelace": ([], [1, 2]), "Ben": ([7], []), "Eve": ([], [5])}


def unit(seed: int) -> NDArray[np.float32]:
    vector = np.random.default_rng(seed).normal(size=24).astype(np.float32)
    return vector / np.linalg.norm(vector)


@pytest.fixture
def earlier_keys(tmp_path: Path) -> MasterKeys:
    path = tmp_path / "master.key"
    path.write_bytes((DATA / "master.key").read_bytes())
    path.chmod(0o600)
    return load_key_file(path, data=tmp_path / "index")


@pytest.fixture
def earlier(tmp_path: Path, earlier_keys: MasterKeys) -> Iterator[Store]:
    (tmp_path / "index").mkdir()
    shutil.copy(DATA / "voiceprint.db", tmp_path / "index")
    store = Store.open(tmp_path / "index", earlier_keys, ENCODER)
    yield store
    store.close()


def by_name(speakers: tuple[StoredSpeaker, ...]) -> dict[str, StoredSpeaker]:
    found = {speaker.name: speaker for speaker in speakers}
    assert found.keys() == TEMPLATES.keys()
    for name, seeds in TEMPLATES.items():
        for made, expected in zip((found[name].enrollments, found[name].former), seeds, strict=True):
            assert len(made) == len(expected)
            for enrollment, seed in zip(made, expected, strict=True):
                assert np.allclose(enrollment.embedding, unit(seed), atol=1e-6)
    return found


def test_the_store_opens_and_is_whole(earlier: Store) -> None:
    loaded = earlier.load()
    assert loaded.damaged == ()
    ada = by_name(loaded.speakers)["Ada Lovelace"].profile
    assert ada.consent == Consent(purpose="door", reference="form 7", expires="2999-12-31")
    assert (ada.groups, ada.last_seen) == (("team",), "2026-11-01")
    report = check(earlier)
    assert (report.faults, report.renewals, report.forgotten, report.epoch) == ((), 1, 2, 2)


def test_the_token_and_the_receipt_hold(earlier: Store) -> None:
    (token,) = list_tokens(earlier)
    assert (token.name, token.scopes, token.groups) == ("door", ("identify",), ("team",))
    assert token.hash == hash_token((DATA / "token.txt").read_text())
    verify_receipt(parse_receipt((DATA / "receipt.json").read_bytes()), earlier)


def test_the_migration_that_was_begun_can_be_finished(earlier: Store) -> None:
    assert earlier.previous_encoder is not None
    assert earlier.enroll_waiting
    report, receipts = finish(earlier, forget_waiting=True)
    assert (report.speakers, len(receipts)) == (1, 2)
    assert check(earlier).whole


def test_the_bundle_restores_into_an_empty_folder(tmp_path: Path, earlier_keys: MasterKeys) -> None:
    bundle = read_bundle((DATA / "voiceprint.bundle").read_bytes(), keys=earlier_keys)
    assert restore(tmp_path / "restored", earlier_keys, bundle).added == len(TEMPLATES)
    store = Store.open(tmp_path / "restored", earlier_keys, ENCODER)
    by_name(store.load().speakers)
    verify_receipt(parse_receipt((DATA / "receipt.json").read_bytes()), store)
    assert check(store).whole
    store.close()


def test_the_bundle_finds_its_speakers_in_the_store(tmp_path: Path, earlier_keys: MasterKeys, earlier: Store) -> None:
    bundle = read_bundle((DATA / "voiceprint.bundle").read_bytes(), keys=earlier_keys)
    report = restore(tmp_path / "index", earlier_keys, bundle)
    assert (report.present, report.added, report.replaced) == (len(TEMPLATES), 0, 0)
