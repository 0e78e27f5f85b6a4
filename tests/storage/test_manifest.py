"""What added up is remembered: a change looks at one speaker, and still believes no row that was put back."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from support.store_fixtures import ENCODER, enrollment, put, row_of

from voiceprint.errors import StoreError
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.store import Store

SPEAKERS = 30


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A call of what costs time for each speaker that is looked at."""
    calls: list[int] = []
    real = Seals.manifest_part

    def counted(seals: Seals, pseudonym: str, generation: int) -> int:
        calls.append(generation)
        return real(seals, pseudonym, generation)

    monkeypatch.setattr(Seals, "manifest_part", counted)
    return calls


def test_forgetting_one_of_many_looks_at_one(folder: Path, store: Store, keys: MasterKeys, hashed: list[int]) -> None:
    people = [store.add_speaker(f"Person {number}", [enrollment(number)]) for number in range(SPEAKERS)]
    store.load()
    hashed.clear()
    store.rename(people[0].id, "Ada")
    store.forget(people[1].id)
    store.forget(people[0].id)
    assert len(hashed) == 4
    other = Store.open(folder, keys, ENCODER)
    other.rename(people[2].id, "Ben")
    other.close()
    hashed.clear()
    store.forget(people[2].id)  # somebody else wrote: everybody is looked at once, then it is remembered again
    assert len(hashed) > SPEAKERS - 3
    assert check(store).whole


def test_a_row_put_back_under_a_running_server_is_not_written_on(folder: Path, store: Store) -> None:
    stays = store.add_speaker("Ben", [enrollment(2)])
    ada = store.add_speaker("Ada", [enrollment(1)])
    before = row_of(folder, ada.id)
    store.rename(ada.id, "Adelheid")
    store.load()
    put(folder, before)
    changes: list[Callable[[], object]] = [
        lambda: store.rename(ada.id, "Mallory"),
        lambda: store.add_enrollments(ada.id, [enrollment(3)]),
        lambda: store.touch(ada.id, "2030-01-01"),
    ]
    for change in changes:
        with pytest.raises(StoreError) as caught:
            change()
        assert caught.value.code == "record_damaged"
    loaded = store.load()
    assert ([who.id for who in loaded.speakers], loaded.damaged) == ([stays.id], (ada.id,))
    store.forget(ada.id)
    assert check(store).whole


@pytest.mark.parametrize("seed", range(3))
def test_two_that_write_in_turns_always_add_up(folder: Path, store: Store, keys: MasterKeys, seed: int) -> None:
    chance = random.Random(seed)
    other = Store.open(folder, keys, ENCODER)
    there: list[str] = []
    for number in range(40):
        one = chance.choice((store, other))
        what = chance.choice(("add", "add", "rename", "forget", "load", "renew", "twice"))
        if what == "add" or not there:
            there.append(one.add_speaker(f"Person {number}", [enrollment(number)]).id)
        elif what == "rename":
            one.rename(chance.choice(there), f"Name {number}")
        elif what == "forget":
            one.forget(there.pop(chance.randrange(len(there))))
        elif what == "renew":
            renew(one)
        elif what == "twice":
            with one.writing() as rows:
                rows.erase(there.pop(), "asked")
                if there:
                    rows.erase(there.pop(), "asked")
        else:
            one.load()
    assert {who.id for who in store.load().speakers} == set(there) == {who.id for who in other.load().speakers}
    assert check(store).whole
    other.close()
