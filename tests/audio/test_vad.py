"""Speech detection on real speech, and on everything that is no speech."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform
from voiceprint.audio.vad import MAX_KEPT_SECONDS, Listener, SpeechStarted, Utterance, VoiceActivity, listen

Takes = dict[str, list[Waveform]]


@pytest.fixture(scope="session")
def clip(takes: Takes) -> Waveform:
    """Three seconds of speech with silence around and a pause inside."""
    voice = next(iter(takes.values()))[0].samples[:48_000]
    gap = np.zeros(12_000, np.float32)
    return Waveform(np.concatenate([gap, voice[:24_000], gap, voice[24_000:], gap]))


@pytest.fixture(scope="session")
def whole(clip: Waveform, voice_activity: VoiceActivity) -> Utterance:
    return listen(clip, voice_activity)


def test_speech_is_found_where_it_is(whole: Utterance, clip: Waveform) -> None:
    assert 2.0 < whole.speech_seconds < 3.3
    assert whole.audio_seconds == clip.seconds
    assert whole.segments[0].start == pytest.approx(0.75, abs=0.4)
    assert whole.segments[-1].end == pytest.approx(clip.seconds - 0.75, abs=0.4)
    assert sum(segment.seconds for segment in whole.segments) == pytest.approx(whole.speech_seconds, abs=1e-6)
    assert len(whole.speech.samples) == round(whole.speech_seconds * SAMPLE_RATE)
    assert whole.level.snr_db is not None
    assert whole.level.snr_db > 20


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 84_000), max_size=30))
def test_any_cut_of_the_stream_gives_the_same_speech(
    whole: Utterance, clip: Waveform, voice_activity: VoiceActivity, cuts: list[int]
) -> None:
    listener = Listener(voice_activity)
    edges = [0, *sorted(cuts), len(clip.samples)]
    events = []
    for begin, end in pairwise(edges):
        events += listener.feed(Waveform(clip.samples[begin:end]))
    events += listener.finish()
    streamed = listener.utterance()
    assert streamed.segments == whole.segments
    assert np.array_equal(streamed.speech.samples, whole.speech.samples)
    assert streamed.level == whole.level
    assert [event.at_seconds for event in events if isinstance(event, SpeechStarted)] == [
        segment.start for segment in whole.segments
    ]


def test_the_span_that_is_still_open_counts(clip: Waveform, voice_activity: VoiceActivity) -> None:
    listener = Listener(voice_activity)
    listener.feed(Waveform(clip.samples[:30_000]))
    assert listener.in_speech
    so_far = listener.utterance()
    assert so_far.speech_seconds > 0.7
    assert so_far.segments[-1].end == pytest.approx(30_000 / SAMPLE_RATE, abs=0.2)


NO_SPEECH = {
    "silence": np.zeros(48_000),
    "white noise": np.random.default_rng(0).normal(scale=0.1, size=48_000),
    "loud white noise": np.clip(np.random.default_rng(1).normal(scale=0.5, size=48_000), -1, 1),
    "half a second of noise": np.concatenate(
        [np.zeros(16_000), np.random.default_rng(2).normal(scale=0.3, size=8_000), np.zeros(16_000)]
    ),
    "hum": 0.3 * np.sin(2 * np.pi * 50 * np.arange(48_000) / 16_000),
    "tone": 0.3 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 16_000),
    "clicks": np.where(np.arange(48_000) % 4000 == 0, 1.0, 0.0),
    "direct current": np.full(48_000, 0.5),
}


@pytest.mark.parametrize("what", NO_SPEECH)
def test_noise_is_not_taken_for_a_voice(what: str, voice_activity: VoiceActivity) -> None:
    heard = listen(Waveform(NO_SPEECH[what].astype(np.float32)), voice_activity)
    assert heard.speech_seconds == 0
    assert heard.segments == ()


def test_memory_stays_bounded(takes: Takes, voice_activity: VoiceActivity) -> None:
    listener = Listener(voice_activity)
    voice = next(iter(takes.values()))[0]
    while listener.speech_seconds < MAX_KEPT_SECONDS + 5:
        listener.feed(voice)
    assert listener.utterance().speech.seconds <= MAX_KEPT_SECONDS + 0.1


def test_streams_do_not_disturb_each_other(clip: Waveform, whole: Utterance, voice_activity: VoiceActivity) -> None:
    one, other = Listener(voice_activity), Listener(voice_activity)
    noise = np.random.default_rng(0).normal(scale=0.2, size=len(clip.samples)).astype(np.float32)
    for at in range(0, len(clip.samples), 1600):
        one.feed(Waveform(clip.samples[at : at + 1600]))
        other.feed(Waveform(noise[at : at + 1600]))
    one.finish()
    assert one.utterance().segments == whole.segments
    assert other.speech_seconds == 0


def test_how_frames_are_cut_into_calls_changes_nothing(voice_activity: VoiceActivity) -> None:
    frames = np.random.default_rng(3).normal(scale=0.1, size=(40, 576)).astype(np.float32)
    state = np.zeros((2, 1, 128), np.float32)
    together, after = voice_activity.probabilities(frames, state)
    alone = []
    for frame in frames:
        heard, state = voice_activity.probabilities(frame[None], state)
        alone.extend(heard.tolist())
    assert together.tolist() == pytest.approx(alone, abs=1e-6)
    assert after == pytest.approx(state, abs=1e-5)
