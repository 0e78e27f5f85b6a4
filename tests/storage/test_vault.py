from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from voiceprint.storage.sealing.key_file import KeyFile, MasterKeys
from voiceprint.storage.sealing.vault import (
    HashKey,
    PurposeKeys,
    SealBrokenError,
    Vault,
    open_sealed,
    seal,
)

KEY = Fernet.generate_key()
CONTEXT: dict[str, str | int] = {"type": "enrollment", "id": "a", "version": 1}
STORE = "00" * 16


def keys(*raw: bytes) -> MasterKeys:
    return MasterKeys(raw, KeyFile(Path("key")))


@given(st.binary(max_size=2000))
def test_what_was_sealed_opens_in_the_same_context(body: bytes) -> None:
    assert open_sealed(Fernet(KEY), CONTEXT, seal(Fernet(KEY), CONTEXT, body)) == body


@pytest.mark.parametrize(
    "context",
    [{}, {**CONTEXT, "id": "b"}, {**CONTEXT, "version": 2}, {**CONTEXT, "version": "1"}, {**CONTEXT, "more": 1}],
)
def test_another_context_does_not_open(context: dict[str, str | int]) -> None:
    token = seal(Fernet(KEY), CONTEXT, b"body")
    with pytest.raises(SealBrokenError):
        open_sealed(Fernet(KEY), context, token)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_flipped_bit_opens(place: int, bit: int) -> None:
    token = bytearray(seal(Fernet(KEY), CONTEXT, b"body"))
    token[place % len(token)] ^= 1 << bit
    try:
        opened = open_sealed(Fernet(KEY), CONTEXT, bytes(token))
    except SealBrokenError:
        return
    # base64 has spare bits at its end: the token may read the same, its content never differs
    assert opened == b"body"


@pytest.mark.parametrize("token", [b"", b"x", b"\xff" * 100, b"text" * 50])
def test_rubbish_does_not_open(token: bytes) -> None:
    with pytest.raises(SealBrokenError):
        open_sealed(Fernet(KEY), CONTEXT, token)


def test_a_token_does_not_tell_when_it_was_made() -> None:
    assert Fernet(KEY).extract_timestamp(seal(Fernet(KEY), CONTEXT, b"")) == 0


def test_wrapping_follows_the_order_of_the_master_keys() -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    before = Vault(keys(old), STORE).wrap(CONTEXT, b"body")
    both = Vault(keys(new, old), STORE)
    assert both.unwrap(CONTEXT, before) == b"body"
    assert Vault(keys(new), STORE).unwrap(CONTEXT, both.wrap(CONTEXT, b"body")) == b"body"
    with pytest.raises(SealBrokenError):
        Vault(keys(new), STORE).unwrap(CONTEXT, before)


def test_the_same_master_key_does_not_open_another_store() -> None:
    token = Vault(keys(KEY), STORE).wrap(CONTEXT, b"body")
    with pytest.raises(SealBrokenError):
        Vault(keys(KEY), "11" * 16).unwrap(CONTEXT, token)


def test_keyed_hashes_differ_by_secret_and_by_purpose() -> None:
    one, two = PurposeKeys(b"1" * 32), PurposeKeys(b"2" * 32)
    assert len({keys.hash(b"x") for keys in (one.content, one.tombstone, two.content, two.tombstone)}) == 4
    assert one.content.hash(b"x") == PurposeKeys(b"1" * 32).content.hash(b"x") != one.content.hash(b"y")
    assert HashKey(b"k").hash(b"x") == HashKey(b"k").hash(b"x")
