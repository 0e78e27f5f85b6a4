"""Folders of speakers: what is taken, what is refused, and what a second run does."""

import os
from pathlib import Path

import numpy as np
import pytest
from support.recordings import wav
from support.toys import tone, toy_service

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, decode, read_bytes
from voiceprint.errors import InputError
from voiceprint.service.bulk import AlreadyEnrolledError, Folder, enroll_files, enroll_folders, find_folders
from voiceprint.service.service import VoiceprintService

Refused = list[tuple[str, str]]


def look(root: Path) -> tuple[list[Folder], Refused]:
    refused: Refused = []
    found = list(find_folders(root, on_refusal=lambda path, error: refused.append((path.name, error.code))))
    return found, refused


def test_folders_become_speakers_and_links_are_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.wav").write_bytes(b"x")
    root = tmp_path / "root"
    for name in ("Ada", "Ben", "empty", ".hidden"):
        (root / name).mkdir(parents=True)
    for name in ("Ada/2.wav", "Ada/1.wav", "Ada/.DS_Store", "Ben/1.wav", "notes.txt"):
        (root / name).write_bytes(b"x")
    (root / "linked").symlink_to(outside)
    (root / "Ada" / "linked.wav").symlink_to(outside / "secret.wav")
    (root / "Ada" / "loop").symlink_to(root)
    os.mkfifo(root / "Ben" / "fifo")
    found, refused = look(root)
    assert [(folder.name, [path.name for path in folder.files]) for folder in found] == [
        ("Ada", ["1.wav", "2.wav"]),
        ("Ben", ["1.wav"]),
    ]
    assert sorted(refused) == [
        ("empty", "empty_folder"),
        ("fifo", "not_a_file"),
        ("linked", "not_a_folder"),
        ("linked.wav", "not_a_file"),
        ("loop", "not_a_file"),
        ("notes.txt", "not_a_folder"),
    ]


def test_names_that_differ_only_in_case_or_form_are_not_merged_silently(tmp_path: Path) -> None:
    for name in ("Ada", "ada", "Jose\u0301", "Jos\u00e9", "bad\nname"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.wav").write_bytes(b"x")
    found, refused = look(tmp_path)
    assert len(found) == 2
    assert sorted(code for _, code in refused) == ["bad_name", "same_name", "same_name"]


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_folder_that_is_none_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read"):
        look(tmp_path / name)


def test_one_bad_file_never_stops_the_rest_and_nothing_is_enrolled_twice(
    service: VoiceprintService, speech_dev: Path, tmp_path: Path
) -> None:
    clips = sorted(next(iter(sorted((speech_dev / "librispeech").iterdir()))).iterdir())[:2]
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio at all")
    files = [clips[0], bad, tmp_path / "gone.wav", clips[1], clips[0]]

    def run() -> tuple[int, list[str]]:
        refused: list[InputError] = []
        outcome = enroll_files(service, "Ada", files, on_refusal=lambda _, error: refused.append(error))
        added = outcome.added if outcome is not None else 0
        known = sum(isinstance(error, AlreadyEnrolledError) for error in refused)
        return added, [*(error.code for error in refused if not isinstance(error, AlreadyEnrolledError)), str(known)]

    assert run() == (2, ["not_audio", "audio_unreadable", "1"])
    assert run() == (0, ["not_audio", "audio_unreadable", "3"])
    (ada,) = service.speakers()
    assert len(ada.enrollments) == 2
    refused: list[str] = []
    assert enroll_files(service, "Ben", clips[:1], on_refusal=lambda _, error: refused.append(error.code)) is None
    assert refused == ["enrolled_elsewhere"]


def test_a_clip_of_two_people_costs_a_speaker_that_clip_alone(
    service: VoiceprintService, speech_dev: Path, tmp_path: Path
) -> None:
    def loudest(speaker: str) -> Path:
        return max((speech_dev / "librispeech" / speaker).iterdir(), key=lambda clip: clip.stat().st_size)

    ann, bob = (
        decode(read_bytes(loudest(speaker), max_bytes=2**24), max_seconds=60, max_bytes=2**24).first.samples[
            : 5 * SAMPLE_RATE
        ]
        for speaker in ("librispeech-121", "librispeech-1089")
    )
    both = tmp_path / "both.wav"
    both.write_bytes(wav(Waveform(np.concatenate([ann, bob]))))
    refused: list[str] = []
    files = [both, loudest("librispeech-121")]
    outcome = enroll_files(service, "Ann", files, on_refusal=lambda _, error: refused.append(error.code))
    assert refused == ["other_speaker"]
    assert outcome is not None
    assert outcome.added == 1


def test_speakers_are_enrolled_in_order_and_each_recording_once(tmp_path: Path) -> None:
    """Overlapped, the same file in two folders must still be found out, whoever is heard first."""
    people = {"Ada": ((200, 4), (200, 5)), "Ben": ((600, 4), (600, 5), (200, 4)), "Cem": (), "Dor": ((900, 4),)}
    for name, voices in people.items():
        (tmp_path / "people" / name).mkdir(parents=True)
        for pitch, seconds in voices:
            (tmp_path / "people" / name / f"{pitch}-{seconds}.wav").write_bytes(wav(tone(pitch, seconds)))
    (tmp_path / "people" / "Cem" / "bad.wav").write_bytes(b"no audio")
    refused: list[tuple[str, str]] = []
    with toy_service(tmp_path) as service:
        folders = list(find_folders(tmp_path / "people", on_refusal=lambda *_: None))
        done = enroll_folders(service, folders, on_refusal=lambda path, error: refused.append((path.name, error.code)))
        added = [(folder.name, outcome.added if outcome else None) for folder, outcome in done]
        assert added == [("Ada", 2), ("Ben", 2), ("Cem", None), ("Dor", 1)]
        assert refused == [("200-4.wav", "enrolled_elsewhere"), ("bad.wav", "not_audio")]
        assert [speaker.name for speaker in service.speakers()] == ["Ada", "Ben", "Dor"]


def test_a_speaker_who_cannot_be_enrolled_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "clip.wav").write_bytes(wav(tone(200)))
    folders = [Folder("bad\nname", (tmp_path / "clip.wav",)), Folder("Ada", (tmp_path / "clip.wav",))]
    refused: list[str] = []
    with toy_service(tmp_path) as service:
        done = list(enroll_folders(service, folders, on_refusal=lambda _, error: refused.append(error.code)))
    assert [(folder.name, outcome is not None) for folder, outcome in done] == [("bad\nname", False), ("Ada", True)]
    assert refused == ["bad_name"]
