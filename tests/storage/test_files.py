import os
from collections.abc import Callable
from pathlib import Path

import pytest

from voiceprint.files import create_file, draft_beside, drafts_beside, replace_file

Write = Callable[[Path, bytes], None]


@pytest.mark.parametrize("write", [create_file, replace_file])
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_new_file_is_whole_and_of_its_mode(tmp_path: Path, write: Callable[..., None], mode: int) -> None:
    path = tmp_path / "file"
    umask = os.umask(0o077)
    try:
        write(path, b"content", mode=mode)
    finally:
        os.umask(umask)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"content", mode)
    assert list(tmp_path.iterdir()) == [path]


def test_only_replacing_takes_the_place_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(FileExistsError):
        create_file(path, b"after")
    assert path.read_bytes() == b"before"
    replace_file(path, b"after")
    assert path.read_bytes() == b"after"
    assert drafts_beside(path) == []


@pytest.mark.parametrize("write", [create_file, replace_file])
def test_a_failed_write_leaves_no_draft(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write(path, b"after")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("file", b"before")]


def test_a_draft_is_found_until_it_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with draft_beside(path) as draft:
        assert drafts_beside(path) == [draft]
    assert drafts_beside(path) == []
