"""What is refused for enrollment, and that ordinary recordings are not."""

from pathlib import Path

import numpy as np

from voiceprint.audio.decoding import Waveform, read_file
from voiceprint.audio.vad import VoiceActivity, listen
from voiceprint.errors import SpeechError
from voiceprint.service.enrollment import check_for_enrollment

Takes = dict[str, list[Waveform]]


def refusal(samples: np.ndarray, activity: VoiceActivity) -> str:
    try:
        check_for_enrollment(listen(Waveform(samples.astype(np.float32)), activity), min_speech_seconds=2.0)
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
        "not_enough_speech": voice[:20_000],
        "too_quiet": voice * (10 ** (-58 / 20) / np.sqrt(np.mean(voice**2))),
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
        waveform = read_file(path, max_seconds=60, max_bytes=2**24)
        codes.append(refusal(waveform.samples, voice_activity))
    for_quality = [code for code in codes if code in {"too_quiet", "clipping", "noisy"}]
    assert len(codes) == 120
    assert len(for_quality) <= 2
