"""A full disk does not forbid to forget: on a small disk of its own, which takes root to make."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.store_fixtures import ENCODER, enrollment

from voiceprint.errors import StoreError
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.receipts import verify_receipt
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sqlite.room import ROOM_BYTES
from voiceprint.storage.store import Store


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("a disk of one's own takes root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


def test_on_a_full_disk_everybody_can_be_forgotten(small_disk: Path, keys: MasterKeys) -> None:
    store = Store.open(small_disk / "index", keys, ENCODER)
    ids = [store.add_speaker(f"Person {number}", [enrollment(number)]).id for number in range(20)]
    fill(small_disk)
    with pytest.raises(StoreError) as caught:
        store.add_speaker("Too many", [enrollment(seed) for seed in range(400)])
    assert caught.value.code == "store_full"
    for speaker_id in ids:
        verify_receipt(store.forget(speaker_id), store)
        fill(small_disk)
    assert check(store).whole
    store.close()


def test_the_room_is_kept_for_it_and_no_link_is_followed(tmp_path: Path, keys: MasterKeys) -> None:
    Store.open(tmp_path / "index", keys, ENCODER).close()
    room = tmp_path / "index" / "voiceprint.db.room"
    assert (room.stat().st_size, room.stat().st_mode & 0o777) == (ROOM_BYTES, 0o600)
    assert room.stat().st_blocks * 512 >= ROOM_BYTES
    room.unlink()
    (tmp_path / "mine").write_text("mine")
    room.symlink_to(tmp_path / "mine")
    Store.open(tmp_path / "index", keys, ENCODER).close()
    assert (tmp_path / "mine").read_text() == "mine"


def test_no_mode_is_changed_through_a_link(tmp_path: Path, keys: MasterKeys) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    stranger = tmp_path / "elsewhere" / "stranger"
    stranger.write_text("no store")
    stranger.chmod(0o644)
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / "voiceprint.db").symlink_to(stranger)
    with pytest.raises(StoreError):
        Store.open(folder, keys, ENCODER)
    assert stranger.stat().st_mode & 0o777 == 0o644
    (tmp_path / "empty").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    Store.open(tmp_path / "link", keys, ENCODER).close()
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "empty" / "voiceprint.db").stat().st_mode & 0o777 == 0o600
