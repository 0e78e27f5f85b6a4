"""Short clips: what counts is the speech of a person in all."""

from pathlib import Path

import pytest
from support.recordings import wav
from support.toys import tone, toy_service

from voiceprint.errors import SpeechError
from voiceprint.service.bulk import enroll_files, enroll_folders, find_folders


def test_short_clips_are_enough_together_and_too_few_are_not(tmp_path: Path) -> None:
    clips = []
    for number in range(3):
        clips.append(tmp_path / f"{number}.wav")
        clips[-1].write_bytes(wav(tone(200, 0.8 + number / 100)))
    with toy_service(tmp_path) as service:
        with pytest.raises(SpeechError, match=r"1\.9 s of speech were heard in all; 2\.0 s") as refused:
            enroll_files(service, "Ada", clips[:2], on_refusal=lambda _, error: pytest.fail(error.message))
        assert refused.value.code == "not_enough_speech"
        assert not service.speakers()
        outcome = enroll_files(service, "Ada", clips, on_refusal=lambda _, error: pytest.fail(error.message))
        assert outcome is not None
        assert outcome.added == 3
        again = enroll_files(service, "Ada", clips, on_refusal=lambda *_: None)
        assert again is None, "each clip is known again"
        one_more = service.enroll_more(outcome.speaker.id, [service.admit(service.listen(tone(200, 0.4)))])
        assert one_more.added == 1, "what is enrolled already counts, and shorter than the encoder takes is repeated"


def test_a_folder_with_too_little_speech_is_named_with_the_reason(tmp_path: Path) -> None:
    for name, seconds in {"Ada": 1.0, "Ben": 3.0}.items():
        (tmp_path / "people" / name).mkdir(parents=True)
        (tmp_path / "people" / name / "1.wav").write_bytes(wav(tone(200 if name == "Ada" else 600, seconds)))
    refused: list[tuple[str, str]] = []
    with toy_service(tmp_path) as service:
        folders = list(find_folders(tmp_path / "people", on_refusal=lambda *_: None))
        done = enroll_folders(service, folders, on_refusal=lambda path, error: refused.append((path.name, error.code)))
        assert [outcome is not None for _, outcome in done] == [False, True]
    assert refused == [("Ada", "not_enough_speech")]
