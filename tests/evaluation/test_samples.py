"""Which pieces of which recordings are heard, without an encoder."""

from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceprint.audio.channel_simulation import CHANGES, Change
from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.cli.folders import hear_asked
from voiceprint.errors import AudioError, InputError
from voiceprint.evaluation.samples import (
    ENROLLED_CLIPS,
    FEWEST_HALVED,
    WHOLE,
    Sample,
    collect,
    collect_speech,
    half_in,
    half_of,
    long_speech,
)


@dataclass
class Counter:
    """In the place of an Ear: a file holds how many seconds of speech are in it."""

    heard: list[str] = field(default_factory=list)

    def speech(self, path: Path, change: Change | None = None) -> NDArray[np.float32]:
        self.heard.append(path.name)
        text = path.read_text()
        if not text:
            raise AudioError("audio_empty", "The recording is empty.")
        return np.ones(int(float(text) * SAMPLE_RATE), np.float32)

    def embedding(self, speech: NDArray[np.float32]) -> NDArray[np.float32] | None:
        return np.ones(2, np.float32) if len(speech) >= SAMPLE_RATE // 2 else None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for speaker, lengths in (("ann", [6.0, 2.5, 3.5, 4.0, 7.0, 0.1]), ("bob", [3.0])):
        (tmp_path / "corpus" / speaker).mkdir(parents=True)
        for number, seconds in enumerate(lengths):
            (tmp_path / "corpus" / speaker / f"{number}.wav").write_text(str(seconds))
    return tmp_path / "corpus"


def heard(folder: Path, **options: object) -> tuple[list[Sample], list[tuple[str, str]]]:
    refused: list[tuple[str, str]] = []

    def refuse(path: Path, error: InputError) -> None:
        refused.append((path.name, error.code))

    found = collect([folder], Counter(), on_refusal=refuse, **options)  # type: ignore[arg-type]
    return found, refused


def test_whole_recordings_and_pieces(folder: Path) -> None:
    samples, refused = heard(folder)
    assert refused == []
    assert {sample.speaker for sample in samples} == {"corpus/ann", "corpus/bob"}
    whole = [sample for sample in samples if sample.condition == WHOLE]
    # The tenth of a second is no speech that could be encoded.
    assert sorted(sample.seconds for sample in whole) == [2.5, 3.0, 3.5, 4.0, 6.0, 7.0]
    for sample in samples:
        if sample.condition != WHOLE:
            assert f"{sample.seconds:.0f} s" == sample.condition


def test_pieces_are_not_joined_across_enrollment(folder: Path) -> None:
    joined = [sample for sample in heard(folder)[0] if len(sample.clips) > 1]
    assert joined
    for sample in joined:
        assert max(sample.clips) < ENROLLED_CLIPS or min(sample.clips) >= ENROLLED_CLIPS


def test_only_whole_recordings_and_fewer_of_them(folder: Path) -> None:
    samples, _ = heard(folder, cut=False, clips=1)
    assert [(sample.speaker, sample.condition) for sample in samples] == [("corpus/ann", WHOLE), ("corpus/bob", WHOLE)]


def test_the_halves_make_the_whole(folder: Path) -> None:
    halves = [{sample.speaker for sample in heard(folder, half=half)[0]} for half in (0, 1)]
    assert halves[0] | halves[1] == {"corpus/ann", "corpus/bob"}
    assert not halves[0] & halves[1]


def test_what_cannot_be_read_is_named_and_does_not_stop_the_rest(folder: Path) -> None:
    (folder / "bob" / "broken.wav").write_text("")
    samples, refused = heard(folder)
    assert refused == [("broken.wav", "audio_empty")]
    assert any(sample.speaker == "corpus/bob" for sample in samples)


def test_long_speech_is_of_those_who_said_enough(folder: Path) -> None:
    pieces = list(long_speech([folder], Counter(), on_refusal=lambda path, error: None))  # type: ignore[arg-type]
    assert [piece.seconds for piece in pieces] == [10.0]


def test_also_means_the_same_recordings_once_more_as_they_sound_elsewhere(folder: Path) -> None:
    args = Namespace(folders=[folder], half=None, also=["telephone", "opus"])
    ear = Changed()
    samples = hear_asked(args, ear)  # type: ignore[arg-type]
    plain = [sample.seconds for sample in samples if sample.condition == WHOLE]
    for condition in ("telephone", "opus"):
        again = [sample for sample in samples if sample.condition == condition]
        assert [sample.seconds for sample in again] == plain
        assert {sample.embedding[0] for sample in again} == {list(CHANGES).index(condition) + 1.0}


class Changed(Counter):
    """Its embeddings tell which change the speech went through."""

    def speech(self, path: Path, change: Change | None = None) -> NDArray[np.float32]:
        return super().speech(path) * (0 if change is None else list(CHANGES.values()).index(change) + 1)

    def embedding(self, speech: NDArray[np.float32]) -> NDArray[np.float32] | None:
        return speech[:2] if super().embedding(speech) is not None else None


def test_the_speech_of_a_corpus_is_that_of_its_samples(folder: Path) -> None:
    """Kept speech (scripts/benchmarks/refit.py) gives the same recordings the same numbers."""
    spoken = list(collect_speech(folder, Counter(), on_refusal=refuse_nothing))  # type: ignore[arg-type]
    whole = {(one.speaker, one.clips[0]): one.seconds for one in heard(folder)[0] if one.condition == WHOLE}
    found = {(f"corpus/{name}", number): len(speech) / SAMPLE_RATE for name, number, speech in spoken}
    assert {key: seconds for key, seconds in found.items() if seconds >= 0.5} == whole
    assert len(found) == 7


def refuse_nothing(path: Path, error: InputError) -> None:
    pytest.fail(f"{path}: {error}")


def test_half_of_a_small_corpus_is_all_of_it() -> None:
    names = [f"corpus/{number}" for number in range(40)]
    assert {half_in(name, FEWEST_HALVED - 1) for name in names} == {0}
    assert {half_in(name, FEWEST_HALVED) for name in names} == {0, 1}
    assert [half_in(name, 40) for name in names] == [half_of(name) for name in names]
