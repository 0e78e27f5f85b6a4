"""The seals of one store: tokens in, records out. Knows keys and contexts, and nothing of SQL.

A speaker's key ring (their data key, and the version of each of their records) is sealed under the wrapping key; the
records are sealed under the data key. A record that was swapped, rolled back, dropped or brought in from elsewhere does
not fit the ring.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Self

import msgspec
from cryptography.fernet import Fernet

from voiceprint.keyfile import MasterKeys
from voiceprint.records import (
    EncoderIdentity,
    Enrollment,
    Profile,
    StoredSpeaker,
    new_id,
    pack_enrollment,
    pack_profile,
    unpack_enrollment,
    unpack_profile,
)
from voiceprint.vault import SealBrokenError, Vault, keyed_hash, new_data_key, open_sealed, seal

__all__ = ["KeyRing", "Row", "Seals"]

# The embeddings of a store are not rotated yet; the field is in every context so that a rotation can be told.
_ROTATION = 0
_PROFILE, _ENROLLMENT = "profile", "enrollment"


class KeyRing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A speaker's data key, and the version of each of their records. Lives only inside a seal."""

    data_key: bytes
    versions: dict[str, int]

    @classmethod
    def new(cls) -> Self:
        return cls(data_key=new_data_key(), versions={})

    def __repr__(self) -> str:
        return f"KeyRing({len(self.versions)} records)"


class Row(msgspec.Struct, frozen=True):
    """One sealed record, as it lies in the store."""

    id: str
    kind: str
    version: int
    token: bytes


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    encoder: EncoderIdentity
    secret: bytes
    created_at: float

    def __repr__(self) -> str:
        return f"_Settings({self.encoder.id})"


class Seals:
    """``Seals.new`` for a store that does not exist yet, ``Seals.open`` for one that does."""

    def __init__(self, store_id: str, vault: Vault, settings: _Settings) -> None:
        self.store_id = store_id
        self.encoder = settings.encoder
        self._vault = vault
        self._settings = settings

    @classmethod
    def new(cls, keys: MasterKeys, encoder: EncoderIdentity) -> Self:
        store_id = new_id()
        settings = _Settings(encoder=encoder, secret=secrets.token_bytes(32), created_at=time.time())
        return cls(store_id, Vault(keys, store_id), settings)

    @classmethod
    def open(cls, keys: MasterKeys, store_id: str, token: bytes) -> Self:
        """Raises SealBrokenError where none of the keys opens the settings of that store."""
        vault = Vault(keys, store_id)
        body = vault.unwrap(_settings_context(store_id), token)
        return cls(store_id, vault, msgspec.msgpack.decode(body, type=_Settings))

    def settings_token(self) -> bytes:
        """The store's settings: which encoder, and the secret that keyed hashes are made with."""
        return self._vault.wrap(_settings_context(self.store_id), msgspec.msgpack.encode(self._settings))

    def content_hash(self, data: bytes) -> str:
        """Keyed hash of a recording, to know it again without keeping anything of it."""
        return keyed_hash(self._settings.secret, "content", data)

    def mark(self, speaker_id: str) -> str:
        """Keyed hash of the id of a speaker who was forgotten."""
        return keyed_hash(self._settings.secret, "tombstone", speaker_id.encode())

    def seal_ring(self, speaker_id: str, ring: KeyRing) -> bytes:
        return self._vault.wrap(self._ring_context(speaker_id), msgspec.msgpack.encode(ring))

    def open_ring(self, speaker_id: str, token: bytes) -> KeyRing:
        """Raises SealBrokenError."""
        body = self._vault.unwrap(self._ring_context(speaker_id), token)
        return msgspec.msgpack.decode(body, type=KeyRing)

    def seal_profile(self, speaker_id: str, ring: KeyRing, profile: Profile) -> tuple[Row, KeyRing]:
        """The profile as a record, and the ring that knows its new version."""
        return self._seal_record(speaker_id, ring, speaker_id, _PROFILE, pack_profile(profile))

    def seal_enrollment(self, speaker_id: str, ring: KeyRing, enrollment: Enrollment) -> tuple[Row, KeyRing]:
        """An enrollment as a record, and the ring that knows it."""
        return self._seal_record(speaker_id, ring, enrollment.id, _ENROLLMENT, pack_enrollment(enrollment))

    def open_speaker(self, speaker_id: str, ring: KeyRing, rows: Sequence[Row]) -> StoredSpeaker:
        """Everything about a speaker. Raises SealBrokenError where one record does not open or does not fit."""
        if len(rows) != len(ring.versions) or {row.id: row.version for row in rows} != ring.versions:
            raise SealBrokenError("the records are not those of the key ring")
        key = Fernet(ring.data_key)
        profile, enrollments = None, []
        for row in rows:
            body = open_sealed(key, self._record_context(speaker_id, row.id, row.kind, row.version), row.token)
            if row.kind == _PROFILE:
                profile = unpack_profile(body)
            else:
                enrollments.append(unpack_enrollment(row.id, body, self.encoder.dimension))
        if profile is None:
            raise SealBrokenError("there is no profile")
        enrollments.sort(key=lambda enrollment: enrollment.enrolled_at)
        return StoredSpeaker(speaker_id, profile, tuple(enrollments))

    def _seal_record(
        self, speaker_id: str, ring: KeyRing, record_id: str, kind: str, body: bytes
    ) -> tuple[Row, KeyRing]:
        version = ring.versions.get(record_id, 0) + 1
        token = seal(Fernet(ring.data_key), self._record_context(speaker_id, record_id, kind, version), body)
        ring = msgspec.structs.replace(ring, versions={**ring.versions, record_id: version})
        return Row(record_id, kind, version, token), ring

    def _ring_context(self, speaker_id: str) -> Mapping[str, str | int]:
        return {"type": "key", "store": self.store_id, "speaker": speaker_id}

    def _record_context(self, speaker_id: str, record_id: str, kind: str, version: int) -> Mapping[str, str | int]:
        return {
            "type": kind,
            "store": self.store_id,
            "speaker": speaker_id,
            "id": record_id,
            "version": version,
            "model": self.encoder.fingerprint,
            "dimension": self.encoder.dimension,
            "rotation": _ROTATION,
        }


def _settings_context(store_id: str) -> Mapping[str, str | int]:
    return {"type": "settings", "store": store_id}
