"""Where the master key may come from, and what is said where it cannot be had."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from support.store_fixtures import ENCODER, enrollment

from voiceprint.cli import main
from voiceprint.config import Settings
from voiceprint.errors import ConfigError, KeyFileError
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.sealing import key_sources
from voiceprint.storage.sealing.key_sources import find_key_source
from voiceprint.storage.sealing.master_keys import MasterKeys
from voiceprint.storage.store import Store

KEY, NEXT = Fernet.generate_key(), Fernet.generate_key()


@pytest.fixture(autouse=True)
def _no_variable_is_remembered() -> None:
    key_sources._variable.cache_clear()


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    write(folder / "master", KEY)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def write(path: Path, key: bytes) -> Path:
    path.write_bytes(key + b"\n")
    path.chmod(0o600)
    return path


def loaded(given: str) -> MasterKeys:
    return find_key_source(given).load(data=None)


def refusal(given: str) -> KeyFileError:
    with pytest.raises(KeyFileError) as caught:
        loaded(given)
    assert KEY.decode() not in caught.value.message
    return caught.value


def test_each_source_brings_the_key(tmp_path: Path, credentials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", f" {KEY.decode()}\n")
    file = write(tmp_path / "a key", KEY)
    sources = [f"file:{file}", "credential:master", "env:A_KEY", f"command:cat '{file}'"]
    for given in sources:
        keys = loaded(given)
        assert keys.keys == (KEY,), given
        assert KEY.decode() not in f"{keys!r} {keys.source.name} {keys.source.where}"
    assert [find_key_source(given).path for given in sources] == [file, None, None, None]


def test_a_variable_is_read_once_and_no_child_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY.decode())
    source = find_key_source("env:A_KEY")
    assert source.load(data=None).keys == source.load(data=None).keys == (KEY,)
    assert "A_KEY" not in os.environ
    assert KEY not in subprocess.run(["env"], check=True, capture_output=True).stdout


@pytest.mark.parametrize(
    "given", ["file:", "credential:", "credential:../x", "env:", "command:", "command:'", "kms:x", KEY.decode()]
)
def test_what_is_no_source_is_refused_without_repeating_it(given: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_key_source(given)
    assert (caught.value.code, KEY.decode() in caught.value.message) == ("bad_setting", False)


def test_what_cannot_be_had_is_one_sentence(credentials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(credentials / "open", KEY).chmod(0o644)
    monkeypatch.setenv("NO_KEY", "nonsense " + KEY.decode())
    for given, code, said in [
        ("env:NOT_SET", "key_missing", "There is no environment variable NOT_SET."),
        ("env:NO_KEY", "key_malformed", "Line 1 of the environment variable NO_KEY is not a key."),
        ("credential:none", "key_missing", "There is no key file at"),
        ("credential:open", "key_readable_by_others", "must be 0600"),
        ("command:/nowhere/kms", "key_unreadable", "The command /nowhere/kms cannot be run: No such file"),
        ("command:true", "key_malformed", "There is no key in the command true."),
        ("command:false", "key_unreadable", "The command false printed no key: it ended with 1."),
        ("command:yes", "key_malformed", "The text of the command yes is larger than"),
    ]:
        error = refusal(given)
        assert (error.code, said in error.message) == (code, True), error.message


def test_a_command_knows_no_shell_and_its_stderr_goes_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    refusal(f"command:echo {KEY.decode()};touch '{tmp_path}/made'")
    assert not (tmp_path / "made").exists()
    script = write(tmp_path / "kms", f"#!/bin/sh\necho {KEY.decode()} >&2\nexit 3".encode())
    script.chmod(stat.S_IRWXU)
    assert "ended with 3" in refusal(f"command:{script} --secret {KEY.decode()}").message
    assert KEY.decode() not in "".join(capfd.readouterr())


@pytest.mark.parametrize("script", ["sleep 60", "sleep 60 & exit 0", "exec 1>&-; sleep 60"])
def test_a_command_that_hangs_is_ended_with_its_children(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sources, "COMMAND_SECONDS", 0.3)
    program = write(tmp_path / "kms", f"#!/bin/sh\necho $$ > {tmp_path}/group\n{script}".encode())
    program.chmod(stat.S_IRWXU)
    began = time.monotonic()
    assert "within 0.3 seconds" in refusal(f"command:{program}").message
    assert time.monotonic() - began < 10
    deadline = time.monotonic() + 5
    while is_alive(int((tmp_path / "group").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_rotation_writes_files_alone_and_says_what_to_do(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLD", KEY.decode())
    monkeypatch.setenv("NEW", NEXT.decode())
    store = Store.open(folder, loaded("env:OLD"), ENCODER)
    store.add_speaker("Ada", [enrollment(1)])
    with pytest.raises(KeyFileError, match="give a new one with --key and this one with --old-key"):
        rotate(store)
    other = Store.open(folder, find_key_source("env:NEW", "env:OLD").load(data=folder), ENCODER)
    report = rotate(other)
    assert (report.rewrapped, report.old_keys_dropped) == (1, False)
    assert [one.name for one in other.load().speakers] == ["Ada"]
    other.close()
    store.close()
    with pytest.raises(KeyFileError) as caught:
        Store.open(folder, loaded("env:OLD"), ENCODER)
    assert (caught.value.code, "the environment variable OLD" in caught.value.message) == ("key_wrong", True)
    Store.open(folder, loaded("env:NEW"), ENCODER).close()


def test_a_credential_is_never_written_even_where_it_could_be(credentials: Path, folder: Path) -> None:
    store = Store.open(folder, loaded("credential:master"), ENCODER)
    with pytest.raises(KeyFileError, match="cannot be put into the key file"):
        rotate(store)
    store.close()
    assert [path.name for path in credentials.iterdir()] == ["master"]
    assert (credentials / "master").read_bytes() == KEY + b"\n"


def test_the_command_line_and_the_environment_name_the_source(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_it = f"command:{sys.executable} -c 'print(\"{KEY.decode()}\")'"
    Store.open(folder, loaded(print_it), ENCODER).close()
    monkeypatch.setenv("VOICEPRINT_KEY", print_it)
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(tmp_path / "none"))
    assert main(["key", "check", "--data", str(folder)]) == 0
    monkeypatch.setenv("VOICEPRINT_MASTER_KEY", NEXT.decode())
    assert main(["key", "check", "--data", str(folder), "--key", "env:VOICEPRINT_MASTER_KEY"]) == 3
    new, old = ["--key", "env:VOICEPRINT_MASTER_KEY"], ["--old-key", print_it]
    assert main(["key", "rotate", "--data", str(folder), *new, *old]) == 0
    assert main(["key", "check", "--data", str(folder), *new]) == 0
    assert main(["key", "check", "--data", str(folder)]) == 3
    told = "".join(capsys.readouterr())
    assert f"take it out of the environment variable VOICEPRINT_MASTER_KEY and the command {sys.executable}" in told
    assert (KEY.decode() in told, NEXT.decode() in told) == (False, False)


def test_a_service_opens_with_a_key_that_is_brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from support.toys import ToyActivity, ToyEncoder

    from voiceprint.service.factory import open_service

    monkeypatch.setenv("A_KEY", KEY.decode())
    settings = Settings(data=tmp_path / "index", key="env:A_KEY")
    for _ in range(2):
        open_service(settings, encoder=ToyEncoder(), activity=ToyActivity()).close()


def test_the_usual_places_are_searched_in_order(tmp_path: Path) -> None:
    def found(environ: dict[str, str]) -> str:
        return find_key_source(environ=environ, secret=secret).where

    secret, folder = tmp_path / "secret", tmp_path / "credentials"
    folder.mkdir()
    home = {"HOME": str(tmp_path / "home")}
    assert found(home) == str(tmp_path / "home/.config/voiceprint/master.key")
    assert found({**home, "XDG_CONFIG_HOME": "/x"}) == "/x/voiceprint/master.key"
    write(secret, KEY)
    assert found(home) == str(secret)
    write(folder / "voiceprint.key", KEY)
    environ = {**home, "CREDENTIALS_DIRECTORY": str(folder)}
    assert found(environ) == str(folder / "voiceprint.key")
    assert found({**environ, "VOICEPRINT_KEY_FILE": "/k"}) == "/k"
