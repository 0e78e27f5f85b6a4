"""Receipts name the servers that took an erasure in, and those that did not."""

import time
from collections.abc import Iterator
from threading import Timer

import psycopg
import pytest
from support.postgres import PostgresServer
from support.store_fixtures import ENCODER, enrollment

from voiceprint.errors import InputError, StoreError
from voiceprint.storage.receipts import Receipt, verify_receipt
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.servers import WAIT_SECONDS, ServerMark, leave, say
from voiceprint.storage.store import Store


@pytest.fixture
def shared(postgres_server: PostgresServer, keys: MasterKeys) -> Iterator[tuple[Store, str]]:
    address = postgres_server.new_database()
    opened = Store.open(address, keys, ENCODER)
    yield opened, address
    opened.close()


def forgotten(store: Store) -> Receipt:
    receipt = store.forget(store.add_speaker("Ada", [enrollment(1)]).id)
    verify_receipt(receipt, store)
    return receipt


def test_without_a_server_a_receipt_names_none_and_waits_for_none(kept: Store) -> None:
    began = time.monotonic()
    receipt = forgotten(kept)
    assert (receipt.confirmed_by, receipt.unconfirmed, receipt.version) == ((), (), 2)
    assert time.monotonic() - began < WAIT_SECONDS


def test_a_receipt_waits_for_those_who_follow_and_names_those_who_do_not(kept: Store) -> None:
    for server_id, name in (("a", "quick"), ("b", "slow"), ("c", "stuck"), ("d", "gone")):
        say(kept, server_id, ServerMark(name, 0))
    leave(kept, "d")
    later = [Timer(0.2, say, (kept, one, ServerMark(name, 1 << 40))) for one, name in (("a", "quick"), ("b", "slow"))]
    for timer in later:
        timer.start()
    began = time.monotonic()
    receipt = forgotten(kept)
    assert (receipt.confirmed_by, receipt.unconfirmed) == (("quick", "slow"), ("stuck",))
    assert WAIT_SECONDS <= time.monotonic() - began < WAIT_SECONDS + 2
    leave(kept, "c")
    assert forgotten(kept).confirmed_by == ("quick", "slow")


def test_a_server_confirms_by_the_revision_of_the_erasure(kept: Store) -> None:
    ada = kept.add_speaker("Ada", [enrollment(1)])
    kept.data_version()
    before = kept.revision
    say(kept, "a", ServerMark("before", before))
    say(kept, "b", ServerMark("after", before + 1))
    receipt = kept.forget(ada.id)
    assert receipt.revision == before + 1
    assert (receipt.confirmed_by, receipt.unconfirmed) == (("after",), ("before",))


@pytest.mark.parametrize("field", ["confirmed_by", "unconfirmed", "revision"])
def test_names_cannot_be_added_taken_or_left_out(kept: Store, field: str) -> None:
    import msgspec

    say(kept, "a", ServerMark("one", 1 << 40))
    receipt = forgotten(kept)
    for other in (("two",), 7, msgspec.UNSET):
        with pytest.raises(InputError, match="signature"):
            verify_receipt(msgspec.structs.replace(receipt, **{field: other}))


def test_what_a_database_says_of_servers_counts_only_under_the_seal(shared: tuple[Store, str]) -> None:
    store, address = shared
    say(store, "a", ServerMark("one", 1 << 40))
    say(store, "b", ServerMark("kitchen", 0))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "UPDATE voiceprint.servers SET token = (SELECT token FROM voiceprint.servers WHERE id = 'a')"
        )
    receipt = forgotten(store)
    assert (receipt.confirmed_by, receipt.unconfirmed) == (("one",), ("unreadable b",))


def test_who_was_not_heard_of_for_long_is_down_and_forgotten_later(
    shared: tuple[Store, str], postgres_server: PostgresServer
) -> None:
    store, address = shared
    for server_id in ("a", "b"):
        say(store, server_id, ServerMark(server_id, 0))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("UPDATE voiceprint.servers SET seen = seen - 7 WHERE id = 'a'")
        connection.execute("UPDATE voiceprint.servers SET seen = seen - 601 WHERE id = 'b'")
    assert forgotten(store).unconfirmed == ()
    say(store, "c", ServerMark("kitchen", 1 << 40))
    with psycopg.connect(address) as connection:
        found = connection.execute("SELECT id FROM voiceprint.servers ORDER BY id").fetchall()
    assert found == [("a",), ("c",)]
    assert b"kitchen" not in postgres_server.dump(address)


def test_a_database_of_the_version_before_gets_the_table(shared: tuple[Store, str], keys: MasterKeys) -> None:
    store, address = shared
    with store.writing() as rows:
        rows.tables.database.execute("DROP TABLE servers")
        rows.tables.database.execute("DELETE FROM layout WHERE version = 2")
    again = Store.open(address, keys, ENCODER)
    say(again, "a", ServerMark("one", 1 << 40))
    assert forgotten(again).confirmed_by == ("one",)
    again.close()


def test_a_database_that_goes_away_while_waiting_costs_no_receipt(
    shared: tuple[Store, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = shared
    ada = store.add_speaker("Ada", [enrollment(1)])
    say(store, "a", ServerMark("one", 0))
    draft = store.erase(ada.id, reason="asked")
    looks = iter([store.servers])

    def away() -> object:
        for look in looks:
            return look()
        raise StoreError("store_failed", "The store is away.")

    monkeypatch.setattr(store, "servers", away)
    (receipt,) = store.receipts(draft)
    assert (receipt.confirmed_by, receipt.unconfirmed) == ((), ("one",))
    verify_receipt(receipt)
