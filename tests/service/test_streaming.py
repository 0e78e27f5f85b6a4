"""How much is encoded while somebody speaks, and that the last word is the exact one."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform
from voiceprint.audio.segmenter import FRAME_SAMPLES
from voiceprint.audio.vad import Listener, Utterance, VoiceActivity
from voiceprint.decision.speaker_change import HOP_SECONDS, WINDOW_SECONDS, SpeakerChangeDetector
from voiceprint.service.results import EncodedUtterance
from voiceprint.service.streaming import GUESS_EVERY_SECONDS, GUESS_SHARE, StreamEncoder

FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE


class Loudness(VoiceActivity):
    """Takes every loud frame for speech."""

    def __init__(self) -> None:
        pass

    def probabilities(
        self, frames: NDArray[np.float32], state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        loud = np.abs(frames[:, -FRAME_SAMPLES:]).mean(axis=1) > 0.01
        return loud.astype(np.float32), state


def spectrum_of(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """An embedding that every sample has a say in."""
    bands = np.array([part.sum() for part in np.array_split(np.abs(np.fft.rfft(samples)), 16)], np.float32)
    unit: NDArray[np.float32] = bands / np.linalg.norm(bands)
    return unit


class Follower:
    """A VoiceSoFar that is fed, and the seconds that it encoded at each frame."""

    def __init__(self) -> None:
        self.encoded: list[float] = []
        self.listener = Listener(Loudness())
        watch = SpeakerChangeDetector(None, self._windows, max_seconds=60)
        self.voice = StreamEncoder(self.listener, self._whole, self._whole, watch)

    def feed(self, seconds: float, *, loud: bool) -> list[float]:
        """Audio in single frames; after each what was encoded because of it."""
        costs = []
        noise = np.random.default_rng(self.listener._samples).normal(size=round(seconds * SAMPLE_RATE))
        for at in range(0, len(noise), FRAME_SAMPLES):
            before = sum(self.encoded)
            self.listener.feed(Waveform((noise[at : at + FRAME_SAMPLES] * (0.1 if loud else 0)).astype(np.float32)))
            if self.listener.in_speech and loud:
                self.voice.guess()
            self.voice.prepare()
            costs.append(sum(self.encoded) - before)
        return costs

    def _whole(self, utterance: Utterance) -> EncodedUtterance:
        self.encoded.append(utterance.speech.seconds)
        return EncodedUtterance(utterance, spectrum_of(utterance.speech.samples))

    def _windows(self, windows: Sequence[Waveform]) -> NDArray[np.float32]:
        self.encoded.extend(window.seconds for window in windows)
        return np.stack([spectrum_of(window.samples) for window in windows])


def test_a_guess_about_long_speech_costs_no_more_than_its_new_window() -> None:
    follower = Follower()
    follower.feed(6.0, loud=True)
    later = follower.feed(30.0, loud=True)
    assert max(later) <= 2.0 + 1e-6
    assert sum(later) == pytest.approx(30 * WINDOW_SECONDS / HOP_SECONDS, abs=2.1)


def test_the_last_word_is_ready_before_the_pause_is_one_and_exact() -> None:
    follower = Follower()
    follower.feed(220 * FRAME_SECONDS, loud=True)
    pause = follower.feed(5 * FRAME_SECONDS, loud=False)
    assert sum(pause) == 0.0, "a short pause costs nothing"
    assert sum(follower.feed(FRAME_SECONDS, loud=False)) > 7.0
    assert follower.listener.in_speech, "the pause is not sure yet"
    count = len(follower.encoded)
    follower.feed(20 * FRAME_SECONDS, loud=False)
    assert not follower.listener.in_speech
    follower.listener.finish()
    last = follower.voice.exact()
    assert len(follower.encoded) == count, "nothing was encoded after that"
    assert last.embedding == pytest.approx(spectrum_of(last.utterance.speech.samples), abs=1e-6)


def test_in_a_long_speech_only_long_pauses_are_worth_its_encoding() -> None:
    follower = Follower()
    follower.feed(14.0, loud=True)
    assert sum(follower.feed(0.3, loud=False)) == 0.0
    assert sum(follower.feed(0.1, loud=False)) > 14.0
    count = len(follower.encoded)
    follower.feed(1.0, loud=False)
    follower.voice.exact()
    assert len(follower.encoded) == count


def test_no_pause_is_worth_the_encoding_of_a_very_long_speech() -> None:
    follower = Follower()
    follower.feed(20.0, loud=True)
    assert sum(follower.feed(3.0, loud=False)) == 0.0
    assert not follower.listener.in_speech
    last = follower.voice.exact()
    assert follower.encoded[-1] > 20.0
    assert last.embedding == pytest.approx(spectrum_of(last.utterance.speech.samples), abs=1e-6)


@pytest.mark.parametrize("quiet", [0, 1, 2, 5, 7])
def test_whenever_it_is_stopped_the_last_word_is_the_whole(quiet: int) -> None:
    follower = Follower()
    follower.feed(3.2, loud=True)
    follower.feed(9 * FRAME_SECONDS, loud=False)
    follower.feed(4.0, loud=True)
    follower.feed(quiet * FRAME_SECONDS, loud=False)
    follower.listener.finish()
    last = follower.voice.exact()
    assert last.utterance.speech.seconds > 7.0
    assert last.embedding == pytest.approx(spectrum_of(last.utterance.speech.samples), abs=1e-6)


def test_speech_that_goes_on_after_a_pause_is_heard() -> None:
    follower = Follower()
    follower.feed(3.0, loud=True)
    follower.feed(20 * FRAME_SECONDS, loud=False)
    early = follower.voice.exact()
    follower.feed(3.0, loud=True)
    late = follower.voice.exact()
    assert late.utterance.speech.seconds > early.utterance.speech.seconds + 2.5
    assert late.embedding == pytest.approx(spectrum_of(late.utterance.speech.samples), abs=1e-6)
    assert late.embedding != pytest.approx(early.embedding, abs=1e-6)


def test_guesses_that_take_long_come_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    follower, clock = Follower(), [0.0]
    monkeypatch.setattr(time, "thread_time", lambda: clock[0])
    follower.feed(1.0, loud=True)
    assert follower.voice.next_guess_seconds == GUESS_EVERY_SECONDS

    def whole(utterance: Utterance) -> EncodedUtterance:
        clock[0] += 0.2
        return follower._whole(utterance)

    changes = SpeakerChangeDetector(None, follower._windows, max_seconds=60)
    slow = StreamEncoder(follower.listener, whole, whole, changes)
    slow.guess()
    assert slow.next_guess_seconds == pytest.approx(0.2 / GUESS_SHARE)
    slow.exact()
    slow.guess()
    assert slow.next_guess_seconds == GUESS_EVERY_SECONDS, "what was encoded before is used again, and costs nothing"
