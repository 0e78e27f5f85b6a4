"""What is refused for enrollment, and that ordinary recordings are not."""

from pathlib import Path

import numpy as np
import pytest

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, read_file
from voiceprint.audio.quality import Level
from voiceprint.audio.vad import VoiceActivity, listen
from voiceprint.errors import SpeechError
from voiceprint.service.enrollment import check_for_enrollment

Takes = dict[str, list[Waveform]]


def refusal(samples: np.ndarray, activity: VoiceActivity) -> str:
    try:
        check_for_enrollment(listen(Waveform(samples.astype(np.float32)), activity))
    except SpeechError as error:
        return error.code if error.message.endswith(".") else f"{error.code}, without a sentence"
    return "ok"


def test_each_reason_has_its_own_sentence(takes: Takes, voice_activity: VoiceActivity) -> None:
    voice = next(iter(takes.values()))[0].samples
    noise = np.random.default_rng(0).normal(size=len(voice) + 16_000)
    loud = np.concatenate([np.zeros(16_000), voice]) * 0.5
    speech_power = np.sqrt(np.mean(voice**2)) * 0.5
    cases = {
        "ok": voice,
        "no_speech": np.zeros(48_000),
        "too_quiet": voice * (10 ** (-68 / 20) / np.sqrt(np.mean(voice**2))),
        "clipping": np.clip(voice * 40, -1, 1),
        "noisy": loud + noise * speech_power * 0.9,
    }
    assert {name: refusal(samples, voice_activity) for name, samples in cases.items()} == {name: name for name in cases}


def test_ordinary_recordings_are_not_refused(speech_dev: Path, voice_activity: VoiceActivity) -> None:
    """Bounds on 120 real clips of two corpora; the whole set is counted in docs/decisions.md."""
    clips = [
        path
        for corpus in ("librispeech", "commonvoice")
        for speaker in sorted((speech_dev / corpus).iterdir())[:40]
        for path in sorted(speaker.iterdir())[: 2 if corpus == "librispeech" else 1]
    ]
    codes = []
    for path in clips:
        waveform = read_file(path, max_seconds=60, max_bytes=2**24).first
        codes.append(refusal(waveform.samples, voice_activity))
    for_quality = [code for code in codes if code in {"too_quiet", "clipping", "noisy"}]
    assert len(codes) == 120
    assert len(for_quality) <= 2


def level_of(samples: np.ndarray, activity: VoiceActivity) -> Level:
    return listen(Waveform(samples.astype(np.float32)), activity).level


def test_what_is_not_under_the_speech_is_not_called_noise(takes: Takes, voice_activity: VoiceActivity) -> None:
    """DC, hum and rumble lie below speech; a beep, a ring or a melody lies beside it."""
    voice = next(iter(takes.values()))[0].samples
    times = np.arange(len(voice)) / SAMPLE_RATE
    second = np.sin(2 * np.pi * 1000 * times[:SAMPLE_RATE])
    cases = {
        "dc": voice + 0.1,
        "hum": voice + 0.1 * np.sin(2 * np.pi * 50 * times),
        "rumble": voice + 0.1 * np.sin(2 * np.pi * 30 * times),
        "beep": np.concatenate([0.5 * second, voice]),
        "ring": np.concatenate([0.5 * second, 0 * second, 0.5 * second, 0 * second, voice]),
    }
    clean = level_of(voice, voice_activity).snr_db
    assert clean is not None
    for name, samples in cases.items():
        heard = level_of(samples, voice_activity).snr_db
        assert heard is not None, name
        assert heard > min(clean - 15, 25), name


def test_noise_under_the_speech_is_measured(takes: Takes, voice_activity: VoiceActivity) -> None:
    voice = next(iter(takes.values()))[0].samples
    noise = np.random.default_rng(0).normal(size=len(voice)) * np.sqrt(np.mean(voice**2))
    heard = [level_of(0.3 * (voice + noise * 10 ** (-snr / 20)), voice_activity).snr_db for snr in (20, 10, 0)]
    assert all(one is not None for one in heard)
    assert heard == pytest.approx([22, 12, 2], abs=3)


def test_what_is_doubtful_is_taken_with_a_warning(takes: Takes, voice_activity: VoiceActivity) -> None:
    voice = next(iter(takes.values()))[0].samples
    noise = np.random.default_rng(0).normal(size=len(voice)) * np.sqrt(np.mean(voice**2))
    quiet = voice * (10 ** (-54 / 20) / np.sqrt(np.mean(voice**2)))
    for samples, code in ((voice, None), (0.3 * (voice + 0.5 * noise), "noisy"), (quiet, "too_quiet")):
        utterance = listen(Waveform(samples.astype(np.float32)), voice_activity)
        warnings = check_for_enrollment(utterance)
        assert [warning.code for warning in warnings] == ([code] if code else [])
        assert all(warning.message.endswith(".") for warning in warnings)
