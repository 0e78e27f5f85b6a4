"""What the tests of the store stand on: a folder, a key file, a store, and people with random voices."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceprint.domain.speaker import EncoderIdentity, Enrollment
from voiceprint.storage.engine import Place
from voiceprint.storage.sealing.key_file import MasterKeys, create_key_file
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store

ENCODER = EncoderIdentity("ecapa-compact", "f" * 64, 192)


def unit(seed: int) -> NDArray[np.float32]:
    """A random unit vector (192,)."""
    vector = np.random.default_rng(seed).normal(size=192).astype(np.float32)
    return vector / np.linalg.norm(vector)


def enrollment(seed: int) -> Enrollment:
    return Enrollment.new(unit(seed), 3.5, f"content-{seed}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def keys(tmp_path: Path, folder: Path) -> MasterKeys:
    return create_key_file(tmp_path / "keys" / "master.key", data=folder)


@pytest.fixture
def store(folder: Path, keys: MasterKeys) -> Iterator[Store]:
    opened = Store.open(folder, keys, ENCODER)
    yield opened
    opened.close()


@pytest.fixture
def place(address: str | None, folder: Path) -> Place:
    """Where a store of either engine goes."""
    return folder if address is None else address


@pytest.fixture
def kept(place: Place, keys: MasterKeys) -> Iterator[Store]:
    opened = Store.open(place, keys, ENCODER)
    yield opened
    opened.close()


def files(folder: Path) -> bytes:
    """Every byte of the store on disk."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def tamper(folder: Path, sql: str, *values: object) -> None:
    """Change the store behind its back."""
    database = sqlite3.connect(folder / DATABASE_NAME)
    database.execute(sql, values)
    database.commit()
    database.close()


def row_of(folder: Path, speaker_id: str) -> tuple[str, int, bytes, bytes]:
    """Id, generation, sealed key and sealed body of a speaker, as they lie in the file."""
    database = sqlite3.connect(folder / DATABASE_NAME)
    row: tuple[str, int, bytes, bytes] = database.execute(
        "SELECT * FROM speakers WHERE id = ?", (speaker_id,)
    ).fetchone()
    database.close()
    return row


def put(folder: Path, row: tuple[object, ...]) -> None:
    """Put a row of an earlier time back."""
    tamper(folder, "INSERT OR REPLACE INTO speakers VALUES (?, ?, ?, ?)", *row)
