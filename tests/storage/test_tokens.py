"""Access tokens in the store: made once, kept hashed, gone when revoked, and not to be put back."""

import json
import sqlite3
from pathlib import Path

import pytest
from support.store_fixtures import ENCODER, files, tamper

from voiceprint.cli import main
from voiceprint.errors import InputError, StoreError
from voiceprint.storage import tokens
from voiceprint.storage.audit import read
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store


def test_a_token_is_shown_once_and_nothing_on_disk_tells_it(store: Store, folder: Path) -> None:
    token, kept = tokens.add_token(store, "front-door", ["identify"], days=1)
    assert token.startswith("vp_")
    assert len(token) > 40
    assert tokens.list_tokens(store) == (kept,)
    assert kept.hash == tokens.hash_token(token) != tokens.hash_token(token + "x")
    assert not kept.is_over(kept.created_at + 86_399)
    assert kept.is_over(kept.created_at + 86_400)
    on_disk = files(folder)
    assert not any(clear in on_disk for clear in (token.encode(), kept.hash.encode(), b"front-door"))


def test_tokens_outlive_a_key_rotation_and_a_restart(store: Store, folder: Path, keys: MasterKeys) -> None:
    _, kept = tokens.add_token(store, "door", ["operate"])
    rotate(store)
    store.close()
    again = Store.open(folder, store.keys, ENCODER)
    assert tokens.list_tokens(again) == (kept,)
    assert check(again).whole
    again.close()


def test_a_revoked_token_is_gone_for_other_processes_and_in_the_log(
    store: Store, folder: Path, keys: MasterKeys
) -> None:
    running = Store.open(folder, keys, ENCODER)
    tokens.add_token(store, "door", ["identify"])
    _, kept = tokens.add_token(store, "gate", ["identify"])
    assert [token.name for token in tokens.list_tokens(running)] == ["door", "gate"]
    tokens.revoke_token(store, "door")
    tokens.revoke_token(store, kept.id)
    assert tokens.list_tokens(running) == ()
    running.close()
    events = [line.event for line in read(store) if line.event.startswith("token")]
    assert events == ["token_added"] * 2 + ["token_revoked"] * 2


def test_a_revoked_token_that_is_put_back_is_noticed(store: Store, folder: Path) -> None:
    tokens.add_token(store, "door", ["operate"])
    database = sqlite3.connect(folder / DATABASE_NAME)
    (row,) = database.execute("SELECT value FROM meta WHERE key = 'tokens'").fetchone()
    database.close()
    tokens.revoke_token(store, "door")
    tamper(folder, "UPDATE meta SET value = ? WHERE key = 'tokens'", row)
    with pytest.raises(StoreError, match="put back"):
        tokens.list_tokens(store)
    assert [fault for fault in check(store).faults if "access tokens" in fault]


def test_a_row_for_a_store_that_never_had_tokens_counts_for_nothing(store: Store, folder: Path) -> None:
    tamper(folder, "INSERT INTO meta VALUES ('tokens', x'00')")
    assert tokens.list_tokens(store) == ()


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", "a" * 65, "a\nb", "ä"])
def test_names_are_plain(store: Store, name: str) -> None:
    with pytest.raises(InputError, match="A token's name"):
        tokens.add_token(store, name, ["identify"])
    assert tokens.list_tokens(store) == ()


def test_what_cannot_be_done_is_said(store: Store) -> None:
    tokens.add_token(store, "door", ["identify"])
    with pytest.raises(InputError, match="already"):
        tokens.add_token(store, "door", ["identify"])
    with pytest.raises(InputError, match="There is no token"):
        tokens.revoke_token(store, "gate")
    with pytest.raises(InputError, match="more than 0"):
        tokens.add_token(store, "gate", ["identify"], days=0)


def test_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    store: Store,
    folder: Path,
    keys: MasterKeys,
) -> None:
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(keys.path))
    at = ["--data", str(folder)]
    assert main(["token", "list", *at]) == 0
    assert "no token" in capsys.readouterr().out
    assert main(["token", "add", "door", "--scope", "enroll", *at]) == 0
    token = capsys.readouterr().out.strip()
    (kept,) = tokens.list_tokens(store)
    assert (kept.hash, kept.scopes) == (tokens.hash_token(token), ("enroll",))
    assert main(["token", "list", "--json", *at]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["name"] == "door"
    assert token not in shown
    assert kept.hash not in shown
    assert main(["token", "revoke", "door", *at]) == 0
    assert main(["token", "revoke", "door", *at]) == 2
    assert tokens.list_tokens(store) == ()
