from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from voiceprint.errors import KeyFileError
from voiceprint.storage.sealing.key_file import (
    KeyFile,
    MasterKeys,
    create_key_file,
    load_key_file,
    replace_key_file,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "index"


def write(path: Path, text: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text)
    path.chmod(mode)
    return path


def test_a_new_key_is_for_this_user_only_and_opens_again(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    made = create_key_file(path, data=data)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert load_key_file(path, data=data).keys == made.keys
    assert create_key_file(path, data=data).keys == made.keys  # never over an old one
    assert list(path.parent.iterdir()) == [path]


def test_a_replaced_key_file_is_the_old_one_or_the_new_one(tmp_path: Path, data: Path) -> None:
    old = create_key_file(tmp_path / "keys" / "master.key", data=data)
    new = MasterKeys((Fernet.generate_key(), *old.keys), old.source, {"0" * 32: old.tag})
    replace_key_file(new)
    again = load_key_file(old.path, data=data)
    assert (again.keys, again.stores) == (new.keys, new.stores)
    assert old.path.stat().st_mode & 0o777 == 0o600
    assert list(old.path.parent.iterdir()) == [old.path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, data: Path) -> None:
    with pytest.raises(KeyFileError, match="/proc/voiceprint") as caught:
        create_key_file(Path("/proc/voiceprint/key"), data=data)
    assert caught.value.code == "key_not_made"


def test_several_keys_newest_first_with_comments_and_windows_line_ends(tmp_path: Path, data: Path) -> None:
    new, old = Fernet.generate_key(), Fernet.generate_key()
    path = write(tmp_path / "key", b"# since May\r\n" + new + b"\r\n\r\n" + old + b"\r\n")
    assert load_key_file(path, data=data).keys == (new, old)


KEY = Fernet.generate_key()


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        (KEY, 0o644, "key_readable_by_others"),
        (KEY, 0o666, "key_readable_by_others"),
        (KEY, 0o604, "key_readable_by_others"),
        (b"", 0o600, "key_malformed"),
        (b"# nothing\n", 0o600, "key_malformed"),
        (KEY + b"\n" + KEY[:-3] + b"\n", 0o600, "key_malformed"),
        (b"\xff\xfe\x00", 0o600, "key_malformed"),
        (b"A" * 100_000, 0o600, "key_malformed"),
    ],
)
def test_a_key_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, data: Path, text: bytes, mode: int, code: str
) -> None:
    path = write(tmp_path / "key", text, mode)
    with pytest.raises(KeyFileError) as caught:
        load_key_file(path, data=data)
    assert caught.value.code == code
    assert KEY.decode() not in caught.value.message


def test_a_broken_line_is_named_by_its_number(tmp_path: Path, data: Path) -> None:
    path = write(tmp_path / "key", KEY + b"\n\nnonsense\n")
    with pytest.raises(KeyFileError, match="Line 3"):
        load_key_file(path, data=data)


def test_missing_folder_device_and_inside_the_data(tmp_path: Path, data: Path) -> None:
    data.mkdir()
    write(data / "key", KEY)
    (tmp_path / "link").symlink_to(data / "key")
    for path, code in [
        (tmp_path / "nowhere", "key_missing"),
        (tmp_path, "key_unreadable"),
        (Path("/dev/zero"), "key_unreadable"),
        (data / "key", "key_inside_data"),
        (tmp_path / "link", "key_inside_data"),
    ]:
        with pytest.raises(KeyFileError) as caught:
            load_key_file(path, data=data)
        assert caught.value.code == code, path


def test_keys_never_print(tmp_path: Path, data: Path) -> None:
    keys = load_key_file(write(tmp_path / "key", KEY), data=data)
    assert KEY.decode() not in f"{keys!r} {keys}"


def test_a_link_to_a_key_file_stays_a_link(tmp_path: Path, data: Path) -> None:
    made = create_key_file(tmp_path / "keys" / "master.key", data=data)
    link = tmp_path / "link"
    link.symlink_to(made.path)
    replace_key_file(MasterKeys((KEY,), KeyFile(link)))
    assert link.is_symlink()
    assert load_key_file(made.path, data=data).keys == (KEY,)


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o640])
def test_a_mounted_secret_may_be_read_by_the_group_that_root_gave_it_to(tmp_path: Path, data: Path, mode: int) -> None:
    path = write(tmp_path / "voiceprint.key", KEY, mode)
    if mode == 0o400 or path.stat().st_uid == 0:
        assert load_key_file(path, data=data).keys == (KEY,)
    else:
        with pytest.raises(KeyFileError, match="must be 0600"):
            load_key_file(path, data=data)
