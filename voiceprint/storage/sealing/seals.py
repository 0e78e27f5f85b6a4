"""The seals of one store: tokens in, speakers out. Knows keys and contexts, no SQL.

A speaker's body (profile and enrollments) is sealed under a data key of their own, and that key under the wrapping key,
both anew with every change. A key or a body that was swapped, rolled back or brought in from elsewhere does not fit its
row. After a template renewal, vectors are sealed under the cancelable transform; opening inverts it.
"""

import secrets
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.speaker import EncoderIdentity, Enrollment, StoredSpeaker
from voiceprint.storage.sealing.cancelable import transform_matrix
from voiceprint.storage.sealing.master_keys import MasterKeys
from voiceprint.storage.sealing.settings import StoreSettings, StoreState, settings_context
from voiceprint.storage.sealing.speaker_codec import PackedSpeaker, has_unit_vectors
from voiceprint.storage.sealing.vault import (
    Context,
    HashKey,
    PurposeKeys,
    SealBrokenError,
    Vault,
    open_bytes,
    open_sealed,
    seal,
    seal_bytes,
)

__all__ = ["Seals"]

_KEY_BYTES = 32


class Seals:
    """Seals and keyed hashes of one store. ``Seals.open``: those of an existing one."""

    def __init__(self, store_id: str, vault: Vault, settings: StoreSettings) -> None:
        self.store_id = store_id
        self.settings = settings
        self.purposes = PurposeKeys(settings.secret)
        self.vault = vault
        self._foreign = [HashKey(key) for key in settings.foreign_tombstone_keys]
        self.encoders = [settings.encoder, *([settings.previous_encoder] if settings.previous_encoder else [])]
        self._dimensions = [encoder.dimension for encoder in (settings.encoder, self.encoders[-1])]

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
        return int.from_bytes(self.purposes.manifest.digest(f"{pseudonym} {generation}".encode()), "big")

    # Speakers

    def seal_speaker(self, speaker: StoredSpeaker, generation: int) -> tuple[bytes, bytes]:
        """A new data key, sealed, and the body sealed under it."""
        key = secrets.token_bytes(_KEY_BYTES)
        body = msgspec.msgpack.encode(PackedSpeaker.of(self._transformed(speaker)))
        return self._seal_key(speaker.id, generation, key), seal_bytes(
            key, self._body_context(speaker.id, generation, self.encoder), body
        )

    def open_key(self, speaker_id: str, generation: int, token: bytes) -> bytes:
        """The data key of a token. Raises SealBrokenError."""
        key = open_bytes(self.vault.keys, (self._key_context(speaker_id, generation),), token)[1]
        if len(key) != _KEY_BYTES:
            raise SealBrokenError("the data key cannot be used")
        return key

    def reseal_key(self, speaker_id: str, generation: int, token: bytes) -> bytes:
        """The token of the same data key under the newest master key. Raises SealBrokenError."""
        return self._seal_key(speaker_id, generation, self.open_key(speaker_id, generation, token))

    def open_speaker(self, speaker_id: str, generation: int, key: bytes, body: bytes) -> StoredSpeaker:
        """The speaker of a row. Raises SealBrokenError."""
        contexts = [self._body_context(speaker_id, generation, encoder) for encoder in self.encoders]
        which, packed = open_bytes((self.open_key(speaker_id, generation, key),), contexts, body)
        try:
            speaker = _decoder.decode(packed).speaker()
        except (msgspec.DecodeError, ValueError) as error:
            raise SealBrokenError("the body cannot be read") from error
        if which:  # sealed before the store was given to another encoder
            speaker = msgspec.structs.replace(speaker, enrollments=speaker.former, former=speaker.enrollments)
        if speaker.id != speaker_id:
            raise SealBrokenError("the body is of another speaker")
        return self.recovered(speaker)

    def recovered(self, sealed: StoredSpeaker) -> StoredSpeaker:
        """The speaker with the vectors before the cancelable transform. Raises SealBrokenError for no unit vector."""
        if not has_unit_vectors(sealed, self._dimensions):
            raise SealBrokenError("the body is not of unit vectors of this store")
        return self._transformed(sealed, back=True)

    # Inside

    def _transformed(self, speaker: StoredSpeaker, *, back: bool = False) -> StoredSpeaker:
        """The speaker with their vectors under the cancelable transform, or taken back from it."""
        if not self.settings.renewals:
            return speaker
        matrices = [transform_matrix(self.settings.seed, dimension) for dimension in self._dimensions]
        made, former = (
            tuple(_through(matrix if back else matrix.T, one) for one in some)
            for matrix, some in zip(matrices, (speaker.enrollments, speaker.former), strict=True)
        )
        return msgspec.structs.replace(speaker, enrollments=made, former=former)

    def _seal_key(self, speaker_id: str, generation: int, key: bytes) -> bytes:
        return seal_bytes(self.vault.keys[0], self._key_context(speaker_id, generation), key)

    def _own_context(self, kind: str) -> Context:
        return {"type": kind, "store": self.store_id}

    def _key_context(self, speaker_id: str, generation: int) -> Context:
        return {
            "type": "speaker key",
            "store": self.store_id,
            "speaker": speaker_id,
            "generation": generation,
            "rotation": self.settings.renewals,
        }

    def _body_context(self, speaker_id: str, generation: int, encoder: EncoderIdentity) -> Context:
        return {
            "type": "speaker",
            "store": self.store_id,
            "speaker": speaker_id,
            "generation": generation,
            "model": encoder.fingerprint,
            "dimension": encoder.dimension,
            "rotation": self.settings.renewals,
        }


def _through(matrix: NDArray[np.float64], one: Enrollment) -> Enrollment:
    vector = one.embedding.astype(np.float64) @ matrix
    return msgspec.structs.replace(one, embedding=(vector / np.linalg.norm(vector)).astype(np.float32))


_decoder = msgspec.msgpack.Decoder(PackedSpeaker)
