"""Raw live audio of every declared form is heard as what it is."""

from collections.abc import Callable
from itertools import pairwise

import av
import numpy as np
import pytest

from voiceprint.audio.live_audio import LiveAudio
from voiceprint.errors import AudioError


def voice(rate: int, seconds: float = 2.0) -> np.ndarray:
    """Something as smooth as speech."""
    times = np.arange(int(rate * seconds)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * times) + 0.1 * np.sin(2 * np.pi * 660 * times)).astype(np.float32)


def pcm(samples: np.ndarray) -> bytes:
    return np.round(samples * 32767).astype("<i2").tobytes()


def every_code(codec: str) -> np.ndarray:
    """What FFmpeg decodes each byte to: (256,)."""
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.layout, context.sample_rate = "mono", 8_000
    (frame,) = context.decode(av.Packet(bytes(range(256))))
    return np.asarray(frame.to_ndarray()[0] / 32768.0)


def g711(codec: str) -> Callable[[np.ndarray], bytes]:
    codes = every_code(codec)
    return lambda samples: np.abs(samples[:, None] - codes[None]).argmin(axis=1).astype(np.uint8).tobytes()


WRITERS = {
    "pcm_s16le": pcm,
    "pcm_f32le": lambda samples: samples.astype("<f4").tobytes(),
    "mulaw": g711("pcm_mulaw"),
    "alaw": g711("pcm_alaw"),
}


def heard(audio: LiveAudio, data: bytes, step: int = 1001) -> np.ndarray:
    edges = [*range(0, len(data), step), len(data)]
    pieces = [audio.feed(data[begin:end]).samples for begin, end in pairwise(edges)]
    return np.concatenate([*pieces, audio.finish().samples])


@pytest.mark.parametrize("encoding", WRITERS)
@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000])
def test_every_form_is_heard_in_pieces_of_odd_size(encoding: str, rate: int) -> None:
    samples = heard(LiveAudio(encoding, rate), WRITERS[encoding](voice(rate)))
    assert len(samples) == pytest.approx(32_000, abs=200)
    middle = slice(8_000, 24_000)
    assert samples[middle] == pytest.approx(voice(16_000)[middle], abs=0.02)


def test_16_bit_samples_at_16_khz_are_exact() -> None:
    audio = LiveAudio("pcm_s16le", 16_000)
    assert audio.feed(b"\0").samples.tolist() == []
    assert audio.feed(b"\0\0\x80\0\x40").samples.tolist() == [0.0, -1.0, 0.5]


def test_g711_is_as_ffmpeg_decodes_it() -> None:
    for encoding in ("mulaw", "alaw"):
        samples = LiveAudio(encoding, 16_000).feed(bytes(range(256))).samples
        assert samples.tolist() == every_code(f"pcm_{encoding}").tolist()


@pytest.mark.parametrize(("left", "right"), [(1.0, -1.0), (0.0, 1.0), (1.0, 0.0)])
def test_of_two_channels_the_louder_is_heard(left: float, right: float) -> None:
    both = np.stack([left * voice(16_000), right * voice(16_000)], axis=1).reshape(-1)
    samples = heard(LiveAudio("pcm_s16le", 16_000, 2), pcm(both))
    assert float(np.sqrt(np.mean(np.square(samples[2_000:])))) == pytest.approx(0.22, abs=0.02)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("mp3", 16_000, 1), "wrong_encoding"),
        (("pcm_s16le", 7_999, 1), "wrong_rate"),
        (("pcm_s16le", 96_000, 1), "wrong_rate"),
        (("pcm_s16le", 16_000, 3), "wrong_channels"),
    ],
)
def test_what_cannot_be_heard_is_refused_with_the_reason(given: tuple[str, int, int], code: str) -> None:
    with pytest.raises(AudioError) as refused:
        LiveAudio(*given)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("declared", "sent", "hint"),
    [
        ("pcm_s16le", WRITERS["pcm_f32le"], "pcm_f32le"),
        ("pcm_s16le", WRITERS["mulaw"], "mulaw"),
        ("pcm_s16le", WRITERS["alaw"], "alaw"),
        ("pcm_f32le", pcm, "pcm_s16le"),
        ("mulaw", pcm, "pcm_s16le"),
        ("alaw", pcm, "pcm_s16le"),
        ("pcm_s16le", lambda samples: (samples * 32767).astype(">i2").tobytes(), "big-endian"),
        ("pcm_s16le", lambda samples: b"RIFF" + pcm(samples), "WAV"),
        ("pcm_s16le", lambda samples: b"\x1a\x45\xdf\xa3" + pcm(samples), "WebM"),
    ],
)
def test_what_cannot_be_the_declared_form_is_named(declared: str, sent: object, hint: str) -> None:
    noisy = 0.8 * voice(16_000) + np.random.default_rng(0).normal(scale=0.01, size=32_000)
    with pytest.raises(AudioError, match=hint) as refused:
        heard(LiveAudio(declared, 16_000), sent(noisy.astype(np.float32)))  # type: ignore[operator]
    assert refused.value.code == "wrong_encoding"


@pytest.mark.parametrize("encoding", WRITERS)
def test_noise_and_silence_are_no_reason_to_refuse(encoding: str) -> None:
    rng = np.random.default_rng(1)
    for samples in (rng.normal(scale=0.2, size=32_000), np.zeros(32_000), rng.normal(scale=1e-3, size=32_000)):
        heard(LiveAudio(encoding, 16_000), WRITERS[encoding](np.clip(samples, -1, 1).astype(np.float32)))
