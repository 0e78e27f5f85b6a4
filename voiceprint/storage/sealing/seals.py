"""The seals of one store: tokens in, records out. Knows keys and contexts, no SQL.

A speaker's key ring (their data key, and the version of each of their records) is sealed under the wrapping key; the
records are sealed under the data key. A record that was swapped, rolled back, dropped or brought in from elsewhere does
not fit the ring. After a template renewal, vectors are sealed under the cancelable transform; opening inverts it.
"""

from collections.abc import Mapping, Sequence
from typing import Self

import msgspec
import numpy as np
from cryptography.fernet import Fernet
from numpy.typing import NDArray

from voiceprint.domain.speaker import EncoderIdentity, Enrollment, Profile, StoredSpeaker
from voiceprint.storage.sealing.cancelable import transform_matrix
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.sealing.record_codec import pack_enrollment, pack_profile, unpack_enrollment, unpack_profile
from voiceprint.storage.sealing.settings import StoreSettings, StoreState, settings_context
from voiceprint.storage.sealing.vault import (
    HashKey,
    PurposeKeys,
    SealBrokenError,
    Vault,
    new_data_key,
    open_in_one_of,
    open_sealed,
    seal,
)

__all__ = ["KeyRing", "Row", "Seals"]

_PROFILE, _ENROLLMENT = "profile", "enrollment"


class KeyRing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A speaker's data key and the version of each record; on disk only inside a seal."""

    data_key: bytes
    versions: dict[str, int]
    generation: int = 0

    @classmethod
    def new(cls) -> Self:
        """A ring without records, with a new data key."""
        return cls(data_key=new_data_key(), versions={})

    def __repr__(self) -> str:
        return f"KeyRing({len(self.versions)} records, generation {self.generation})"


class Row(msgspec.Struct, frozen=True):
    """One sealed record, as stored."""

    id: str
    kind: str
    version: int
    token: bytes


class Seals:
    """Seals and keyed hashes of one store. ``Seals.open``: those of an existing one."""

    def __init__(self, store_id: str, vault: Vault, settings: StoreSettings) -> None:
        self.store_id = store_id
        self.settings = settings
        self.purposes = PurposeKeys(settings.secret)
        self.vault = vault
        self._foreign = [HashKey(key) for key in settings.foreign_tombstone_keys]
        self._encoders = [settings.encoder, *([settings.previous_encoder] if settings.previous_encoder else [])]

    @classmethod
    def open(cls, keys: MasterKeys, store_id: str, token: bytes) -> Self:
        """The seals of a store whose sealed settings are given. Raises SealBrokenError."""
        vault = Vault(keys, store_id)
        return cls(store_id, vault, StoreSettings.unpack(vault.unwrap(settings_context(store_id), token)))

    def with_settings(self, settings: StoreSettings) -> "Seals":
        """The same keys over other settings."""
        return Seals(self.store_id, self.vault, settings)

    @property
    def encoder(self) -> EncoderIdentity:
        """The store's encoder."""
        return self.settings.encoder

    # The store itself

    def seal_settings(self) -> bytes:
        """The token of the settings."""
        return self.vault.wrap(settings_context(self.store_id), self.settings.pack())

    def seal_state(self, state: StoreState) -> bytes:
        """The token of a state."""
        return seal(self.purposes.state, self._own_context("state"), state.pack())

    def open_state(self, token: bytes) -> StoreState:
        """The state of a token. Raises SealBrokenError."""
        return StoreState.unpack(open_sealed(self.purposes.state, self._own_context("state"), token))

    # Keyed hashes

    def content_hash(self, data: bytes) -> str:
        """Keyed hash of a recording, which recognises a repetition without storing the recording."""
        return self.purposes.content.hash(data)

    def tombstone(self, speaker_id: str) -> str:
        """Keyed hash of a speaker id, stored when the speaker is erased."""
        return self.purposes.tombstone.hash(speaker_id.encode())

    def tombstones(self, speaker_id: str) -> set[str]:
        """The tombstones that forbid a speaker: this store's, and those of imported bundles."""
        return {self.tombstone(speaker_id), *(key.hash(speaker_id.encode()) for key in self._foreign)}

    def pseudonym(self, speaker_id: str) -> str:
        """The name of a speaker in the audit log: a keyed hash of the id."""
        return self.purposes.pseudonym.hash(speaker_id.encode())[:32]

    def manifest_part(self, pseudonym: str, generation: int) -> int:
        """The summand of one speaker in the manifest."""
        return int(self.purposes.manifest.hash(f"{pseudonym} {generation}".encode()), 16)

    # Speakers

    def seal_ring(self, speaker_id: str, ring: KeyRing) -> bytes:
        """The token of a speaker's key ring."""
        return self.vault.wrap(self._ring_context(speaker_id, ring.generation), msgspec.msgpack.encode(ring))

    def open_ring(self, speaker_id: str, generation: int, token: bytes) -> KeyRing:
        """The key ring of a token. Raises SealBrokenError."""
        body = self.vault.unwrap(self._ring_context(speaker_id, generation), token)
        try:
            return _ring_decoder.decode(body)
        except msgspec.DecodeError as error:
            raise SealBrokenError("the key ring cannot be read") from error

    def seal_profile(self, speaker_id: str, ring: KeyRing, profile: Profile) -> tuple[Row, KeyRing]:
        """The record of a profile, and the ring with its new version."""
        return self._seal_record(speaker_id, ring, speaker_id, _PROFILE, pack_profile(profile), self.encoder)

    def seal_enrollment(
        self, speaker_id: str, ring: KeyRing, enrollment: Enrollment, *, former: bool = False
    ) -> tuple[Row, KeyRing]:
        """The record of an enrollment, and the ring with it.

        ``former``: made by the previous encoder.
        """
        encoder = self._encoders[-1 if former else 0]
        if self.settings.renewals:
            transformed = (self._matrix(encoder) @ enrollment.embedding.astype(np.float64)).astype(np.float32)
            enrollment = msgspec.structs.replace(enrollment, embedding=transformed)
        return self._seal_record(speaker_id, ring, enrollment.id, _ENROLLMENT, pack_enrollment(enrollment), encoder)

    def open_speaker(self, speaker_id: str, ring: KeyRing, rows: Sequence[Row]) -> StoredSpeaker:
        """A speaker from all their records. Raises SealBrokenError where one is broken or missing."""
        if len(rows) != len(ring.versions) or {row.id: row.version for row in rows} != ring.versions:
            raise SealBrokenError("the records are not those of the key ring")
        try:
            key = Fernet(ring.data_key)
        except ValueError as error:
            raise SealBrokenError("the data key cannot be used") from error
        profile = None
        made: list[list[Enrollment]] = [[], []]
        for row in rows:
            contexts = [
                self._record_context(speaker_id, row.id, row.kind, row.version, encoder) for encoder in self._encoders
            ]
            which, body = open_in_one_of(key, contexts, row.token)
            if row.kind == _PROFILE:
                profile = unpack_profile(body)
            else:
                made[which].append(self._untransformed(row.id, body, self._encoders[which]))
        if profile is None:
            raise SealBrokenError("there is no profile")
        enrollments, former = (tuple(sorted(each, key=lambda one: one.enrolled_at)) for each in made)
        return StoredSpeaker(speaker_id, profile, enrollments, former)

    # Inside

    def _matrix(self, encoder: EncoderIdentity) -> NDArray[np.float64]:
        return transform_matrix(self.settings.seed, encoder.dimension)

    def _untransformed(self, record_id: str, body: bytes, encoder: EncoderIdentity) -> Enrollment:
        stored = unpack_enrollment(record_id, body, encoder.dimension)
        if not self.settings.renewals:
            return stored
        vector = self._matrix(encoder).T @ stored.embedding.astype(np.float64)
        return msgspec.structs.replace(stored, embedding=(vector / np.linalg.norm(vector)).astype(np.float32))

    def _seal_record(
        self, speaker_id: str, ring: KeyRing, record_id: str, kind: str, body: bytes, encoder: EncoderIdentity
    ) -> tuple[Row, KeyRing]:
        version = ring.versions.get(record_id, 0) + 1
        context = self._record_context(speaker_id, record_id, kind, version, encoder)
        token = seal(Fernet(ring.data_key), context, body)
        ring = msgspec.structs.replace(ring, versions={**ring.versions, record_id: version})
        return Row(record_id, kind, version, token), ring

    def _own_context(self, kind: str) -> Mapping[str, str | int]:
        return {"type": kind, "store": self.store_id}

    def _ring_context(self, speaker_id: str, generation: int) -> Mapping[str, str | int]:
        return {
            "type": "key",
            "store": self.store_id,
            "speaker": speaker_id,
            "generation": generation,
            "rotation": self.settings.renewals,
        }

    def _record_context(
        self, speaker_id: str, record_id: str, kind: str, version: int, encoder: EncoderIdentity
    ) -> Mapping[str, str | int]:
        return {
            "type": kind,
            "store": self.store_id,
            "speaker": speaker_id,
            "id": record_id,
            "version": version,
            "model": encoder.fingerprint,
            "dimension": encoder.dimension,
            "rotation": self.settings.renewals,
        }


_ring_decoder = msgspec.msgpack.Decoder(KeyRing)
