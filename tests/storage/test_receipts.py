from pathlib import Path

import msgspec
import pytest
from support.store_fixtures import ENCODER, enrollment, tamper

from voiceprint.errors import InputError, StoreError
from voiceprint.storage.receipts import Receipt, parse_receipt, verify_receipt
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store


def code_of(receipt: Receipt, store: Store | None = None) -> str:
    with pytest.raises(InputError) as caught:
        verify_receipt(receipt, store)
    return caught.value.code


def test_a_receipt_holds_with_and_without_the_store(store: Store) -> None:
    gone = store.add_speaker("Ada", [enrollment(1), enrollment(2)])
    receipt = store.forget(gone.id)
    assert (receipt.speaker, receipt.records, receipt.epoch, receipt.log_cleared) == (gone.id, 1, 1, True)
    again = parse_receipt(msgspec.json.encode(receipt))
    assert again == receipt
    verify_receipt(again)
    verify_receipt(again, store)
    assert "Ada" not in msgspec.json.encode(receipt).decode()


@pytest.mark.parametrize("field", [name for name in Receipt.__struct_fields__ if name != "public_key"])
def test_a_changed_receipt_is_a_forgery(store: Store, field: str) -> None:
    receipt = store.forget(store.add_speaker("Ada", [enrollment(1)]).id)
    value = getattr(receipt, field)
    other = ("another",) if isinstance(value, tuple) else value + 1 if isinstance(value, int) else f"{value}"[:-1] + "~"
    other = (not value) if isinstance(value, bool) else other
    assert code_of(msgspec.structs.replace(receipt, **{field: other})) == "receipt_forged"


def test_a_receipt_of_another_store_is_told_apart(store: Store, keys: MasterKeys) -> None:
    other = Store.open(Path(store.name).parent.parent / "other", keys, ENCODER)
    receipt = other.forget(other.add_speaker("Ada", [enrollment(1)]).id)
    other.close()
    assert code_of(receipt, store) == "receipt_of_another_store"


def test_somebody_put_back_is_noticed(store: Store) -> None:
    receipt = store.forget(store.add_speaker("Ada", [enrollment(1)]).id)
    tamper(Path(store.name).parent, "DELETE FROM tombstones")
    assert code_of(receipt, store) == "receipt_not_kept"


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b'{"type": "erasure_receipt"}'])
def test_rubbish_is_no_receipt(text: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_receipt(text)
    assert caught.value.code == "bad_receipt"


def test_who_is_not_there_gets_no_receipt(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.forget("0" * 32)
    assert caught.value.code == "speaker_gone"
