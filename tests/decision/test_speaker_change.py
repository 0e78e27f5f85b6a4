"""Two voices in one recording, on made-up windows and on real people."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, read_file
from voiceprint.audio.vad import VoiceActivity, listen
from voiceprint.decision.policy import Policy
from voiceprint.decision.speaker_change import SpeakerChangeDetector, change_windows, homogeneity
from voiceprint.encoding.encoder import Encoder

HOP = SAMPLE_RATE // 2


def person(seed: int, count: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=64) + 0.5 * rng.normal(size=(count, 64))
    unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_a_change_of_voice_stands_out() -> None:
    assert homogeneity(person(1, 22)) > 0.5
    for at in (5, 11, 17):
        assert homogeneity(np.concatenate([person(1, at), person(2, 22 - at)])) < 0.0


@pytest.mark.parametrize("turns", ["aabb", "abab", "aabaa", "abababab", "aaabaaab"])
def test_the_order_of_turns_does_not_matter(turns: str) -> None:
    """Turns of four windows, and between two people one window that holds both."""
    voices = {"a": person(1, 40), "b": person(2, 40)}
    rows = [voices[who][4 * at + number] for at, who in enumerate(turns) for number in range(4)]
    for at in range(4 * len(turns) - 4, 0, -4):
        both = rows[at - 1] + rows[at]
        rows.insert(at, both / np.linalg.norm(both))
    assert homogeneity(np.stack(rows).astype(np.float32)) < 0.0


def test_windows_that_are_all_one_are_one_voice() -> None:
    assert homogeneity(np.repeat(person(1, 1), 10, axis=0)) == pytest.approx(1.0, abs=1e-6)


def test_too_few_windows_say_nothing() -> None:
    assert homogeneity(person(1, 3)) == 1.0
    assert change_windows(Waveform(np.zeros(4 * SAMPLE_RATE, np.float32))) == []


def test_windows_cover_the_speech() -> None:
    samples = np.arange(6 * SAMPLE_RATE, dtype=np.float32)
    windows = change_windows(Waveform(samples))
    assert [int(window.samples[0]) for window in windows] == [at * HOP for at in range(10)]
    assert {len(window.samples) for window in windows} == {3 * HOP}


def test_a_watch_encodes_what_is_settled_once_and_agrees_with_the_whole() -> None:
    samples = np.arange(12 * SAMPLE_RATE, dtype=np.float32)
    vectors = np.concatenate([person(1, 11), person(2, 11)])
    asked: list[int] = []

    def encode(windows: Sequence[Waveform]) -> NDArray[np.float32]:
        numbers = [int(window.samples[0]) // HOP for window in windows]
        asked.extend(numbers)
        return vectors[numbers]

    watch = SpeakerChangeDetector(0.3, encode, max_seconds=60)
    heard = [watch.hears_several(Waveform(samples[: seconds * SAMPLE_RATE])) for seconds in range(3, 13)]
    assert heard[:3] == [False] * 3
    assert heard[-1]
    assert asked == list(range(22))
    mean = watch.mean(Waveform(samples))
    assert mean is not None
    assert mean == pytest.approx(vectors.sum(0) / np.linalg.norm(vectors.sum(0)), abs=1e-6)
    assert watch.mean(Waveform(samples[: 4 * SAMPLE_RATE])) is not None, "what is known stays known"
    assert SpeakerChangeDetector(None, encode, max_seconds=60).mean(Waveform(samples[: 4 * SAMPLE_RATE])) is None
    assert not SpeakerChangeDetector(None, encode, max_seconds=60).hears_several(Waveform(samples))
    assert not SpeakerChangeDetector(0.3, encode, max_seconds=6).hears_several(Waveform(samples)), (
        "its first seconds only"
    )


def test_two_real_people_are_told_from_one(speech_dev: Path, encoder: Encoder, voice_activity: VoiceActivity) -> None:
    policy = Policy.for_encoder(encoder.id, encoder.fingerprint, min_speech_seconds=2.0)
    assert policy.calibration is not None
    line = policy.calibration.one_voice
    if line is None:
        pytest.skip("the calibration has no line for two voices")

    def speech(speaker: str) -> NDArray[np.float32]:
        path = max((speech_dev / "librispeech" / speaker).iterdir(), key=lambda clip: clip.stat().st_size)
        return listen(read_file(path, max_seconds=60, max_bytes=2**24).first, voice_activity).speech.samples

    half = 5 * SAMPLE_RATE
    ann, bob = speech("librispeech-121")[: 2 * half], speech("librispeech-1089")[: 2 * half]
    one = homogeneity(encoder.encode(change_windows(Waveform(ann))))
    two = homogeneity(encoder.encode(change_windows(Waveform(np.concatenate([ann[:half], bob[:half]])))))
    assert two < line < one
