"""Recordings in, Waveforms out; and every hostile recording is one refusal, in bounded time and memory."""

import io
import os
import struct
import subprocess
import sys
import threading
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from voiceprint.audio import decoder_child, decoding
from voiceprint.audio.decoding import (
    SAMPLE_RATE,
    Waveform,
    _recording,
    decode,
    last_word,
    read_bytes,
    read_file,
    refusal_of,
)
from voiceprint.errors import AudioError

DECODER = Path(decoder_child.__file__)

TONE = 0.4 * np.sin(2 * np.pi * 440 * np.arange(3 * 48_000) / 48_000)


def encoded(container: str, codec: str, rate: int = 48_000, layout: str = "mono", samples: np.ndarray = TONE) -> bytes:
    """A recording, made by PyAV."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout, options={"strict": "-2"})
        assert isinstance(stream, av.AudioStream)
        channels = 2 if layout == "stereo" else 1
        audio = np.repeat(samples.astype(np.float32)[None], channels, axis=0)
        frame = av.AudioFrame.from_ndarray(audio, format="fltp", layout=layout)
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(stream.format.name, layout, rate, frame_size=stream.frame_size or 0)
        for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(resampled))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def wav(samples: np.ndarray, rate: int = SAMPLE_RATE, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def header(
    *, tag: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16, data: bytes = b"", size: int = -1
) -> bytes:
    """A WAV file whose header says what it is told to say."""
    block = max(1, channels * bits // 8)
    chunk = struct.pack("<HHIIHH", tag, channels, rate & 0xFFFFFFFF, (rate * block) & 0xFFFFFFFF, block & 0xFFFF, bits)
    size = len(data) if size < 0 else size
    body = b"WAVEfmt " + struct.pack("<I", len(chunk)) + chunk + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", (36 + size) & 0xFFFFFFFF) + body


def hear(data: bytes, *, max_seconds: float = 60.0, max_bytes: int = 2**25) -> Waveform:
    return decode(data, max_seconds=max_seconds, max_bytes=max_bytes).first


@pytest.mark.parametrize(
    ("container", "codec", "rate", "layout"),
    [
        ("wav", "pcm_s16le", 8_000, "mono"),
        ("wav", "pcm_s16le", 44_100, "stereo"),
        ("wav", "pcm_s24le", 48_000, "mono"),
        ("wav", "pcm_f32le", 48_000, "mono"),
        ("wav", "pcm_mulaw", 8_000, "mono"),
        ("flac", "flac", 44_100, "stereo"),
        ("mp3", "libmp3lame", 44_100, "stereo"),
        ("ogg", "libopus", 48_000, "mono"),
        ("ogg", "vorbis", 44_100, "stereo"),
        ("webm", "libopus", 48_000, "mono"),
        ("mp4", "aac", 44_100, "stereo"),
        ("adts", "aac", 44_100, "mono"),
        ("aiff", "pcm_s16be", 44_100, "mono"),
    ],
)
def test_what_browsers_phones_and_recorders_make_is_heard(container: str, codec: str, rate: int, layout: str) -> None:
    waveform = hear(encoded(container, codec, rate, layout))
    assert waveform.samples.dtype == np.float32
    assert waveform.seconds == pytest.approx(3.0, abs=0.15)
    middle = waveform.samples[SAMPLE_RATE : SAMPLE_RATE + 8192] * np.hanning(8192)
    assert np.argmax(np.abs(np.fft.rfft(middle))) * SAMPLE_RATE / 8192 == pytest.approx(440, abs=4)
    assert np.abs(waveform.samples).max() == pytest.approx(0.4, abs=0.1)


def test_a_recorder_that_never_wrote_the_length_is_heard() -> None:
    data = (TONE[::3] * 32767).astype("<i2").tobytes()
    assert hear(header(data=data, size=0xFFFFFFFF)).seconds == pytest.approx(3.0, abs=0.1)


FLAC = encoded("flac", "flac")
ONE_SECOND = np.zeros(SAMPLE_RATE)

HOSTILE: dict[str, tuple[bytes, set[str]]] = {
    "empty": (b"", {"audio_empty"}),
    "HTML named .wav": (b"<!doctype html><html><body>no</body></html>" * 20, {"not_audio"}),
    "text": (b"#EXTM3U\nfile:///etc/passwd\n", {"not_audio"}),
    "concat script": (b"ffconcat version 1.0\nfile '/etc/passwd'\n", {"not_audio", "audio_damaged"}),
    "header cut at 20 bytes": (wav(ONE_SECOND)[:20], {"not_audio", "audio_empty", "audio_damaged"}),
    "flac cut at 20 bytes": (FLAC[:20], {"not_audio", "audio_damaged"}),
    "no frames": (wav(np.zeros(0)), {"audio_empty"}),
    "no channels": (header(channels=0, data=bytes(3200)), {"audio_unsupported", "audio_empty"}),
    "1,024 channels": (header(channels=1024, data=bytes(2048 * 50)), {"audio_unsupported", "not_audio"}),
    "1 Hz": (header(rate=1, data=bytes(3200)), {"audio_unsupported"}),
    "4 GHz": (header(rate=4_000_000_000, data=bytes(3200)), {"audio_unsupported", "not_audio", "audio_damaged"}),
    "1 bit": (header(bits=1, data=bytes(3200)), {"audio_unsupported", "not_audio", "audio_damaged"}),
    "ADPCM without blocks": (header(tag=2, bits=4, data=bytes(3200)), {"audio_empty", "not_audio", "audio_damaged"}),
    "not numbers": (header(tag=3, bits=32, data=np.full(9000, np.nan, "<f4").tobytes()), {"audio_damaged"}),
    "infinite": (header(tag=3, bits=32, data=np.full(9000, np.inf, "<f4").tobytes()), {"audio_damaged"}),
    "1e30": (header(tag=3, bits=32, data=np.full(9000, 1e30, "<f4").tobytes()), {"audio_damaged"}),
    "too long": (wav(np.zeros(SAMPLE_RATE * 61)), {"audio_too_long"}),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(500), {"not_audio", "audio_unsupported", "audio_damaged"}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_recording_is_onerefusal_of(what: str) -> None:
    data, codes = HOSTILE[what]
    with pytest.raises(AudioError) as caught:
        hear(data)
    assert caught.value.code in codes
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message


def test_hours_in_a_megabyte_are_refused_early_with_flat_memory() -> None:
    bomb = encoded("flac", "flac", samples=np.zeros(48_000 * 1200))
    assert len(bomb) < 2**20
    began = time.monotonic()
    with pytest.raises(AudioError) as caught:
        hear(bomb, max_seconds=30)
    assert caught.value.code == "audio_too_long"
    assert time.monotonic() - began < 20
    assert peak_memory(bomb, 30) < peak_memory(FLAC, 30) + 64 * 2**20


def peak_memory(data: bytes, max_seconds: float) -> int:
    """Bytes that the child had at most, by its own /proc/self/status."""
    script = (
        f"import runpy, sys; sys.argv = ['decoder', '{max_seconds}']\n"
        f"try: runpy.run_path({str(DECODER)!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(*[line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], input=data, capture_output=True, check=True)
    return int(done.stderr.split()[-1]) * 1024


def test_stereo_that_cancels_is_heard_channel_by_channel() -> None:
    left = TONE[::3]
    both = np.stack([left, -left], axis=1).reshape(-1)
    (track,) = decode(wav(both, channels=2), max_seconds=60, max_bytes=2**25).tracks
    assert [float(np.abs(channel.samples).max()) for channel in track.channels] == pytest.approx([0.4] * 2, abs=0.01)


def test_a_recording_that_breaks_off_gives_what_came_before() -> None:
    assert 0.5 < hear(FLAC[: len(FLAC) // 2]).seconds < 3.0


def test_too_many_bytes_are_refused_before_decoding() -> None:
    with pytest.raises(AudioError) as caught:
        hear(bytes(1001), max_bytes=1000)
    assert caught.value.code == "audio_too_large"


def test_several_threads_decode_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        seconds = [waveform.seconds for waveform in pool.map(hear, [FLAC] * 8)]
    assert seconds == pytest.approx([3.0] * 8, abs=0.1)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(bytes(2000))
    for name, code in {
        "nowhere": "audio_unreadable",
        "folder": "audio_unreadable",
        "fifo": "audio_unreadable",
        "large": "audio_too_large",
        "nul\0": "audio_unreadable",
    }.items():
        with pytest.raises(AudioError) as caught:
            read_bytes(tmp_path / name, max_bytes=1000)
        assert caught.value.code == code
    with pytest.raises(AudioError):
        read_bytes(Path("/dev/zero"), max_bytes=1000)
    (tmp_path / "good.wav").write_bytes(wav(TONE[::3]))
    assert read_file(tmp_path / "good.wav", max_seconds=60, max_bytes=2**20).seconds == 3.0


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"Traceback\n  it broke\n",
        b'{"code": "audio_damaged"}',
        b'{"code": "made_up", "message": "Hello."}',
        b'{"code": "not_audio", "message": "two\\nlines"}',
        b'{"code": "not_audio", "message": 7}',
        b'{"code": ["not_audio"], "message": "Hello."}',
        b"[" * 10_000,
        b"[]",
        b"\xff\xfe",
    ],
)
def test_a_child_that_was_taken_over_cannot_speak_through_us(said: bytes) -> None:
    refusal = refusal_of(last_word(said))
    assert (refusal.code, refusal.message) == ("audio_damaged", "The recording cannot be decoded.")


@pytest.mark.parametrize(
    "said",
    [
        {"tracks": [[1, 1, 5]]},
        {"tracks": [[1, -1, -4]]},
        {"tracks": [[1, 9, 1]]},
        {"tracks": "1"},
        {"tracks": [[1, 1, 4]], "lost_seconds": -1.0},
        {"tracks": [[1, 1, 4]], "audio_tracks": 0},
        {"tracks": [[1, 1, 2], [2, 1, 1]]},
    ],
)
def test_what_a_child_says_of_its_samples_must_fit_them(said: dict[str, object]) -> None:
    fine = {"tracks": [[1, 1, 4]], "audio_tracks": 1, "lost_seconds": 0.0, "more_than_said": False}
    pcm = np.zeros(4, np.float32).tobytes()
    assert _recording(pcm, fine).seconds == 4 / SAMPLE_RATE
    with pytest.raises(AudioError, match="cannot be decoded"):
        _recording(pcm, {**fine, **said})
    with pytest.raises(AudioError, match="cannot be decoded"):
        _recording(np.full(4, np.nan, np.float32).tobytes(), fine)


def test_the_child_cannot_write_files(tmp_path: Path) -> None:
    """What the limits are for: a decoder that was taken over finds nothing to write to."""
    script = (
        f"import runpy; limit = runpy.run_path({str(DECODER)!r})['_limit']; limit(50)\n"
        f"with open({str(tmp_path / 'loot')!r}, 'wb') as file: file.write(b'x' * 100)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, check=False)
    assert done.returncode != 0
    assert (tmp_path / "loot").stat().st_size == 0


def test_an_interrupt_leaves_no_deadline_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the program waits for every thread, so that Ctrl-C would seem to be ignored for a minute."""

    class Interrupted:
        def __init__(self, **_: object) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(decoding, "Thread", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        decoding.decode(wav(np.zeros(16_000)), max_seconds=10, max_bytes=2**20)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(timeout=5)
            assert not thread.is_alive()
