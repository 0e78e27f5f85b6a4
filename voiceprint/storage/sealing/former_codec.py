"""Opening of speakers as layouts 1 and 2 sealed them: a key ring, and one token for the profile and each enrollment.

The ring named the version of each record. Read once, when a store is moved to one row a speaker.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from cryptography.fernet import Fernet

from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.vault import Context, SealBrokenError, open_sealed

__all__ = ["open_former"]

# Record id, type, version, token.
FormerRecord = tuple[Any, ...]


class _Ring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data_key: bytes
    versions: dict[str, int]
    generation: int


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    speech_seconds: float
    content: str
    enrolled_at: float


def open_former(
    seals: Seals, speaker_id: str, generation: int, token: bytes, records: Sequence[FormerRecord]
) -> StoredSpeaker:
    """A speaker from their ring and all their records. Raises SealBrokenError where one is broken or missing."""
    context = {**_context(seals, "key", speaker_id), "generation": generation}
    try:
        ring = _ring_decoder.decode(seals.vault.unwrap(context, token))
        if len(records) != len(ring.versions) or {row[0]: row[2] for row in records} != ring.versions:
            raise SealBrokenError("the records are not those of the key ring")
        key, profile = Fernet(ring.data_key), None
        made: list[list[Enrollment]] = [[], []]
        for record in records:
            which, body = _open_record(seals, key, speaker_id, record)
            if record[1] == "profile":
                profile = _profile_decoder.decode(body)
            else:
                made[which].append(_enrollment(record[0], body))
    except (msgspec.DecodeError, ValueError) as error:
        raise SealBrokenError("a record cannot be read") from error
    if profile is None:
        raise SealBrokenError("there is no profile")
    enrollments, former = (tuple(sorted(some, key=lambda one: one.enrolled_at)) for some in made)
    return seals.recovered(StoredSpeaker(speaker_id, profile, enrollments, former))


def _open_record(seals: Seals, key: Fernet, speaker_id: str, record: FormerRecord) -> tuple[int, bytes]:
    """The number of the encoder that a record was sealed under, and its body."""
    record_id, kind, version, token = record
    for number, encoder in enumerate(seals.encoders):
        own = {"id": record_id, "version": version, "model": encoder.fingerprint, "dimension": encoder.dimension}
        try:
            return number, open_sealed(key, {**_context(seals, kind, speaker_id), **own}, token)
        except SealBrokenError:
            continue
    raise SealBrokenError("the record belongs somewhere else")


def _enrollment(record_id: str, body: bytes) -> Enrollment:
    end = 4 + int.from_bytes(body[:4], "big")
    head = _head_decoder.decode(body[4:end])
    vector = np.frombuffer(body, "<f4", offset=end).astype(np.float32)
    return Enrollment(record_id, vector, head.speech_seconds, head.content, head.enrolled_at)


def _context(seals: Seals, kind: str, speaker_id: str) -> Context:
    return {"type": kind, "store": seals.store_id, "speaker": speaker_id, "rotation": seals.settings.renewals}


_ring_decoder = msgspec.msgpack.Decoder(_Ring)
_profile_decoder = msgspec.json.Decoder(Profile)
_head_decoder = msgspec.json.Decoder(_Head)
