"""Failure to acquire and to enroll: counted right, and on real recordings within what is promised."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.recordings import wav
from support.toys import tone, toy_service

from voiceprint.evaluation.acquisition import measure_acquisition, some_takes
from voiceprint.service.bulk import Folder
from voiceprint.service.service import VoiceprintService

# Of each corpus every so manieth speaker: 300 recordings in all.
PARTS = {"commonvoice": 4, "librispeech": 2, "speechocean": 3}


def test_recordings_and_speakers_that_fail_are_counted_with_their_reasons(tmp_path: Path) -> None:
    root = tmp_path / "people"
    voices = {"Ada": (200, 200, 200), "Ben": (600, 600, 1000), "Two": (1400, 1800, 2200), "Few": (2600, 2600)}
    for name, pitches in voices.items():
        (root / name).mkdir(parents=True)
        for number, pitch in enumerate(pitches):
            (root / name / f"{number}.wav").write_bytes(wav(tone(pitch, 4.0 + number)))
    (root / "Ada" / "0.wav").write_bytes(b"no audio")
    with toy_service(tmp_path) as service:
        found = measure_acquisition(service, some_takes(root, takes=3))
    assert (found.speakers, found.recordings) == (3, 9)
    assert found.refused == {"not_audio": 1, "not_this_speaker": 4}
    assert found.without == {"Two": ("not_this_speaker",) * 3}
    assert found.failure_to_enroll.value == pytest.approx(1 / 3)
    assert found.failure_to_acquire.value == pytest.approx(5 / 9)


@pytest.fixture
def folders(speech_dev: Path) -> Iterator[Folder]:
    """Folders of all corpora under names that differ."""
    return (
        folder
        for corpus, parts in PARTS.items()
        for folder in some_takes(speech_dev / corpus, takes=3, part=(0, parts))
    )


def test_nearly_every_speaker_gets_a_template_from_three_recordings(
    service: VoiceprintService, folders: Iterator[Folder]
) -> None:
    """At least 99 % of speakers, at most 3 % of recordings refused: held with the interval of what was measured."""
    found = measure_acquisition(service, folders)
    assert found.recordings >= 250
    assert found.failure_to_enroll.low <= 0.01, found.without
    assert found.failure_to_acquire.low <= 0.03, found.refused
    assert len(found.without) <= 3, found.without
