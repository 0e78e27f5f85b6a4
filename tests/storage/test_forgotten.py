"""After forget: no byte of the key or the records is left, and the voice is nobody's, however often it asks."""

import time
from pathlib import Path

import numpy as np
import pytest
from support.store_fixtures import files
from support.toys import heard, tone, toy_service

from voiceprint.service.results import EncodedUtterance
from voiceprint.service.service import VoiceprintService

SPEAKERS = 20
PROBES = 1000
GONE = 7


def pitch(number: int) -> int:
    return 200 + 40 * number


def enroll_everybody(service: VoiceprintService) -> list[str]:
    return [
        service.enroll_new(f"Person {number}", [service.admit(service.listen(tone(pitch(number))))]).speaker.id
        for number in range(SPEAKERS)
    ]


def sealed(service: VoiceprintService, speaker_id: str) -> list[bytes]:
    with service.store.reading() as rows:
        row = rows.tables.speaker(speaker_id)
    return list(row[2:]) if row else []


def probes(service: VoiceprintService) -> list[EncodedUtterance]:
    """What the forgotten voice would sound like again: the very same vector, and closer and farther ones."""
    voice = heard(service, pitch(GONE))
    assert voice.embedding is not None
    chance = np.random.default_rng(0)
    found = []
    for number in range(PROBES):
        vector = voice.embedding + number / PROBES * 0.05 * chance.normal(size=192)
        found.append(EncodedUtterance(voice.utterance, (vector / np.linalg.norm(vector)).astype(np.float32)))
    return found


@pytest.mark.parametrize("restarted", [False, True])
def test_the_forgotten_are_nobody_in_a_thousand_probes(tmp_path: Path, restarted: bool) -> None:
    with toy_service(tmp_path) as service:
        ids = enroll_everybody(service)
        gone = ids[GONE]
        asked = probes(service)
        known = [service.identify(voice).decision.speaker_id == gone for voice in asked]
        assert sum(known) > PROBES * 0.9  # so that being nobody means something
        tokens = sealed(service, gone)
        assert len(tokens) == 2
        assert all(token in files(tmp_path / "index") for token in tokens)
        began = time.monotonic()
        service.forget(gone)
        assert time.monotonic() - began < 1
        assert [token for token in tokens if any(part in files(tmp_path / "index") for part in pieces(token))] == []
        if not restarted:
            assert_nobody(service, asked, gone)
    if restarted:
        with toy_service(tmp_path) as again:
            assert_nobody(again, asked, gone)
            assert {who.id for who in again.speakers()} == set(ids) - {gone}


def pieces(token: bytes) -> list[bytes]:
    return [token[at : at + 24] for at in range(40, len(token) - 24, 24)]


def assert_nobody(service: VoiceprintService, asked: list[EncodedUtterance], gone: str) -> None:
    for voice in asked:
        answer = service.identify(voice)
        assert answer.decision.status == "unknown"
        assert gone not in {match.speaker_id for match in answer.candidates}
    assert service.verify(gone, asked[0]).decision.status == "not_enrolled"
