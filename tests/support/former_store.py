"""A store as layout 2 had it: a sealed key ring, a token for the profile and each enrollment, and parts."""

import secrets
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
from cryptography.fernet import Fernet

from voiceprint.domain.speaker import EncoderIdentity, Enrollment, StoredSpeaker
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.vault import seal
from voiceprint.storage.sqlite.migrations import migrate
from voiceprint.storage.store import Store

__all__ = ["FORMER_LAYOUT", "make_former"]

FORMER_LAYOUT = 2


def make_former(folder: Path, keys: MasterKeys, encoder: EncoderIdentity) -> list[bytes]:
    """Turn a store into one of the former layout, with the same speakers; the tokens in it."""
    store = Store.open(folder, keys, encoder)
    with store.writing() as rows:
        database, seals = rows.tables.database, rows.seals
        assert isinstance(database, sqlite3.Connection)
        people = [(speaker, rows.tables.generations()[speaker.id]) for speaker in rows.load().speakers]
        kept = {
            table: database.execute(f"SELECT * FROM {table}").fetchall() for table in ("meta", "tombstones", "audit")
        }
        for table in ("speakers", *kept):
            database.execute(f"DROP TABLE {table}")
        database.execute("PRAGMA user_version=0")
        migrate(database, FORMER_LAYOUT)
        for table, lines in kept.items():
            for line in lines:
                database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(line))})", line)
        tokens = [token for speaker, generation in people for token in _insert(database, seals, speaker, generation)]
        part = (secrets.token_bytes(200), secrets.token_bytes(20_000))
        database.execute("INSERT INTO parts VALUES ('00', ?, ?)", part)
    store.clear_log()
    store.close()
    return [*tokens, *part]


def _insert(database: Any, seals: Seals, speaker: StoredSpeaker, generation: int) -> list[bytes]:
    encoder, key = seals.encoder, Fernet.generate_key()
    own: dict[str, str | int] = {"store": seals.store_id, "speaker": speaker.id, "rotation": seals.settings.renewals}
    bodies = {speaker.id: ("profile", msgspec.json.encode(speaker.profile))}
    bodies |= {one.id: ("enrollment", _packed(one)) for one in speaker.enrollments}
    ring = {"data_key": key, "versions": dict.fromkeys(bodies, 1), "generation": generation}
    token = seals.vault.wrap({"type": "key", **own, "generation": generation}, msgspec.msgpack.encode(ring))
    database.execute("INSERT INTO keys VALUES (?, ?, ?)", (speaker.id, generation, token))
    tokens = [token]
    for record_id, (kind, body) in bodies.items():
        model: dict[str, str | int] = {
            "id": record_id,
            "version": 1,
            "model": encoder.fingerprint,
            "dimension": encoder.dimension,
        }
        tokens.append(seal(Fernet(key), {"type": kind, **own, **model}, body))
        database.execute("INSERT INTO records VALUES (?, ?, ?, 1, ?)", (record_id, speaker.id, kind, tokens[-1]))
    return tokens


def _packed(one: Enrollment) -> bytes:
    head = {"speech_seconds": one.speech_seconds, "content": one.content, "enrolled_at": one.enrolled_at}
    packed = msgspec.json.encode(head)
    return len(packed).to_bytes(4, "big") + packed + one.embedding.astype("<f4").tobytes()
