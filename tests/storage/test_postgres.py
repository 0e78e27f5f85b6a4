"""What only a database of its own process can do to a store: be away, cut connections, be read-only, be another's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from support.postgres import PostgresServer
from support.store_fixtures import ENCODER, enrollment, unit

from voiceprint.errors import StoreError
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.moving import move
from voiceprint.storage.postgres.engine import _name, _secured
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store, has_store


@pytest.fixture
def address(postgres_server: PostgresServer) -> str:
    return postgres_server.new_database()


@pytest.fixture
def kept(address: str, keys: MasterKeys) -> Iterator[Store]:
    store = Store.open(address, keys, ENCODER)
    yield store
    store.close()


def cut(address: str) -> None:
    """Cut every other connection to the database."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_cut_connection_is_replaced_and_a_change_that_it_cut_is_not_there(kept: Store, address: str) -> None:
    ada = kept.add_speaker("Ada", [enrollment(1)])
    cut(address)
    assert [one.name for one in kept.load().speakers] == ["Ada"]

    def rename_and_cut() -> None:
        with kept.writing() as rows:
            speaker, before = rows.read(ada.id)
            cut(address)
            rows.write(speaker, before, "renamed")

    with pytest.raises(StoreError) as caught:
        rename_and_cut()
    assert (caught.value.code, caught.value.message.endswith(".")) == ("store_failed", True)
    kept.rename(ada.id, "Adelheid")
    assert [one.name for one in kept.load().speakers] == ["Adelheid"]
    assert check(kept).whole


def test_a_restart_of_the_database_loses_nothing(kept: Store, address: str, postgres_server: PostgresServer) -> None:
    for number, immediately in enumerate([False, True]):
        kept.add_speaker(f"Person {number}", [enrollment(number)])
        postgres_server.stop(immediately=immediately)
        with pytest.raises(StoreError, match="cannot be reached"):
            Store.open(address, kept.keys, ENCODER)
        postgres_server.start()
        assert len(kept.load().speakers) == number + 1
    assert check(kept).whole


def test_a_read_only_database_is_one_clear_sentence_and_can_still_be_read(
    kept: Store, address: str, postgres_server: PostgresServer
) -> None:
    ada = kept.add_speaker("Ada", [enrollment(1)])
    name = conninfo_to_dict(address)["dbname"]
    postgres_server.execute("postgres", f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    cut(address)
    changes: list[Callable[[], object]] = [
        lambda: kept.rename(ada.id, "Ben"),
        lambda: kept.add_speaker("Ben", [enrollment(2)]),
    ]
    for change in changes:
        with pytest.raises(StoreError, match="read-only replica or database") as caught:
            change()
        assert caught.value.code == "store_unwritable"
    assert [one.name for one in kept.load().speakers] == ["Ada"]


def test_a_planted_trigger_is_named_and_nothing_is_erased_over_it(kept: Store) -> None:
    ada = kept.add_speaker("Ada", [enrollment(1)])
    with kept.writing() as rows:
        rows.tables.database.execute(
            "CREATE FUNCTION voiceprint.back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
        )
        rows.tables.database.execute(
            "CREATE TRIGGER bring_back BEFORE DELETE ON speakers FOR EACH ROW EXECUTE FUNCTION voiceprint.back()"
        )
    with pytest.raises(StoreError, match="bring_back"):
        kept.forget(ada.id)
    assert any("bring_back" in fault for fault in check(kept).faults)


def test_a_database_of_a_newer_version_is_refused(kept: Store, address: str) -> None:
    with kept.writing() as rows:
        rows.tables.database.execute("INSERT INTO layout VALUES (99)")
    with pytest.raises(StoreError) as caught:
        Store.open(address, kept.keys, ENCODER)
    assert caught.value.code == "store_newer"


def test_a_store_moves_there_and_back(tmp_path: Path, store: Store, folder: Path, address: str) -> None:
    store.forget(store.add_speaker("Gone", [enrollment(9)]).id)
    ada = store.add_speaker("Ada", [enrollment(1), enrollment(2)])
    assert move(folder, address, store.keys).speakers == 1
    with pytest.raises(StoreError) as caught:
        move(folder, address, store.keys)
    assert caught.value.code == "store_there"
    there = Store.open(address, store.keys, ENCODER)
    there.rename(ada.id, "Adelheid")
    there.close()
    move(address, tmp_path / "back", store.keys)
    back = Store.open(tmp_path / "back", store.keys, ENCODER)
    assert ([one.name for one in back.load().speakers], back.id) == (["Adelheid"], store.id)
    assert check(back).whole
    back.close()


def test_a_damaged_store_is_not_moved(store: Store, folder: Path, address: str) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    with store.writing() as rows:
        rows.tables.database.execute("UPDATE speakers SET body = key")
    with pytest.raises(StoreError, match="has faults"):
        move(folder, address, store.keys)
    assert not has_store(address)


@pytest.mark.parametrize(
    ("address", "secured", "name"),
    [
        ("postgresql://u:p@db.example/v", True, "postgresql://db.example/v"),
        ("postgresql://u:p@db.example/v?sslmode=require", False, "postgresql://db.example/v"),
        ("postgresql://u@localhost/v", False, "postgresql://localhost/v"),
        ("postgresql:///v?host=/run/postgresql", False, "postgresql:///run/postgresql/v"),
        ("postgresql://a.example,localhost/v", True, "postgresql://a.example,localhost/v"),
    ],
)
def test_the_certificate_of_another_machine_is_checked(address: str, secured: bool, name: str) -> None:
    assert ("sslmode=verify-full" in _secured(address)) == secured
    assert _name(address) == name
    assert "u:p" not in _name(address)


def test_nothing_in_clear_lies_in_files_log_and_dump(
    kept: Store, address: str, postgres_server: PostgresServer
) -> None:
    gone = kept.add_speaker("Adelheid Gone", [enrollment(0)])
    for number in range(1, 40):
        kept.add_speaker(f"Adelheid {number}", [enrollment(number)])
    kept.forget(gone.id)
    postgres_server.execute("postgres", "CHECKPOINT")
    clear = [postgres_server.dump(address)]
    clear += [path.read_bytes() for path in (postgres_server.folder / "data").rglob("*") if path.is_file()]
    whole = b"".join(clear)
    assert kept.id.encode() in whole  # the search sees what is there
    for needle in (b"Adelheid", b"content-"):
        assert needle not in whole
    for number in range(40):
        for kind in ("<f2", "<f4", "<f8", ">f4"):
            raw = unit(number).astype(kind).tobytes()
            assert raw[32:48] not in whole
            assert raw[32:48].hex().encode() not in whole
    assert gone.id.encode() not in postgres_server.dump(address)
