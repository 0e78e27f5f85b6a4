"""Two voices at once, on made-up and on real ones."""

import numpy as np
import pytest

from voiceprint.audio.overlap import MAX_OVERLAP, overlap_share
from voiceprint.audio.recording import SAMPLE_RATE, Waveform
from voiceprint.audio.vad import VoiceActivity, listen

TIMES = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE


def buzz(pitch: float) -> np.ndarray:
    """A voiced sound: twelve harmonics, its pitch drifting by a tenth."""
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.5 * TIMES))) / SAMPLE_RATE
    sound: np.ndarray = np.sum([np.sin(number * phase) / number for number in range(1, 13)], axis=0)
    return sound


@pytest.mark.parametrize(("first", "second"), [(100.0, 160.0), (120.0, 210.0), (95.0, 230.0)])
def test_two_periods_at_once_are_heard_and_one_is_not(first: float, second: float) -> None:
    shares = [overlap_share(Waveform(sound.astype(np.float32))) for sound in (buzz(first), buzz(second))]
    assert max(shares) < 0.05
    assert overlap_share(Waveform((buzz(first) + buzz(second)).astype(np.float32))) > 0.5


def test_silence_noise_and_next_to_nothing_are_no_voices() -> None:
    noise = np.random.default_rng(0).normal(size=4 * SAMPLE_RATE)
    for samples in (np.zeros(0), np.zeros(SAMPLE_RATE), noise, np.ones(600)):
        assert overlap_share(Waveform(samples.astype(np.float32))) == 0.0


def test_two_real_people_at_once_stand_out(takes: dict[str, list[Waveform]], voice_activity: VoiceActivity) -> None:
    voices = [listen(clips[0], voice_activity).speech.samples for clips in list(takes.values())[:2]]
    count = min(map(len, voices))
    level = [voice[:count] / np.sqrt(np.mean(voice[:count] ** 2)) for voice in voices]
    alone = [overlap_share(Waveform(voice)) for voice in level]
    assert max(alone) < MAX_OVERLAP
    assert overlap_share(Waveform(level[0] + level[1])) > max(alone) + 0.03
