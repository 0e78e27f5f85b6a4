"""Room on the disk that is kept for erasing, so that a disk that others filled does not forbid to forget a person."""

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["ROOM_BYTES", "give_room", "keep_room"]

# An erasure overwrites what it deletes, in the write-ahead log first: the row and its pages.
ROOM_BYTES = 4 << 20


def keep_room(database: Path) -> None:
    """Reserve it beside the database, where there is room and that was not done yet."""
    with suppress(OSError):
        descriptor = os.open(_room(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if os.fstat(descriptor).st_size < ROOM_BYTES:
                os.posix_fallocate(descriptor, 0, ROOM_BYTES)
        finally:
            os.close(descriptor)


def give_room(database: Path) -> bool:
    """Give it back to the disk; False where there was none."""
    try:
        _room(database).unlink()
    except OSError:
        return False
    return True


def _room(database: Path) -> Path:
    return database.with_name(f"{database.name}.room")
