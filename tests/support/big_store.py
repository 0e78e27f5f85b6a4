"""Stores of many speakers, made in one transaction."""

import time
from pathlib import Path

import numpy as np

from voiceprint.domain.speaker import EncoderIdentity, Enrollment, Profile, StoredSpeaker, new_id
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store

__all__ = ["ENCODER", "fill"]

ENCODER = EncoderIdentity("rotation-test", "c" * 64, 192)


def fill(data: Path, keys: MasterKeys, speakers: int) -> None:
    """Enroll so many speakers, one random unit vector each."""
    vectors = np.random.default_rng(0)
    store = Store.open(data, keys, ENCODER)
    with store.writing() as rows:
        for number in range(speakers):
            vector = vectors.normal(size=192).astype(np.float32)
            enrollment = Enrollment.new(vector / np.linalg.norm(vector), 3.0, f"content {number}")
            profile = Profile(name=f"speaker {number}", created_at=time.time())
            rows.write(StoredSpeaker(new_id(), profile, (enrollment,)), 0, "enrolled", enrollments=1)
    store.close()
