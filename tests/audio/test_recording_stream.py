"""Recordings that are decoded piece by piece are heard as those that are decoded whole."""

import io
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.recordings import wav

from voiceprint.audio import recording_stream, stream_decoding
from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, decode
from voiceprint.audio.recording_stream import RecordingStream, stream_file
from voiceprint.errors import AudioError

SECONDS = 25
NOISE = np.random.default_rng(0).normal(scale=0.1, size=(2, SECONDS * SAMPLE_RATE)).clip(-1, 1).astype(np.float32)


def encoded(container: str, codec: str, channels: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, mode="w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=SAMPLE_RATE, layout="stereo" if channels == 2 else "mono")
        frame = av.AudioFrame.from_ndarray(NOISE[:channels].copy(), "fltp", "stereo" if channels == 2 else "mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


def chunks(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), 50_000):
        yield data[at : at + 50_000]


@pytest.fixture(params=[1 << 25, 1000], ids=["read whole", "read once"])
def whole_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Decoded in this process, so that the limit can be set."""
    monkeypatch.setattr(stream_decoding, "WHOLE_BYTES", request.param)
    return int(request.param)


@pytest.mark.parametrize(
    ("container", "codec", "channels"),
    [
        ("wav", "pcm_s16le", 2),
        ("ogg", "libopus", 1),
        ("mp3", "libmp3lame", 2),
        ("flac", "flac", 1),
        ("webm", "libopus", 2),
        ("mp4", "aac", 1),
        ("adts", "aac", 1),
    ],
)
@pytest.mark.usefixtures("whole_bytes")
def test_piece_by_piece_is_the_same_sound(container: str, codec: str, channels: int) -> None:
    data = encoded(container, codec, channels)
    whole = stream_decoding.decode(data, 60.0).tracks[0]
    pieces = list(stream_decoding.decode_pieces(io.BytesIO(data), len(data), 60.0))
    assert [piece.track for piece in pieces] == [1] * len(pieces)
    for number, channel in enumerate(whole.channels):
        joined = b"".join(piece.channels[number] for piece in pieces)
        assert joined[: len(channel)] == channel
        assert (len(joined) - len(channel)) / 4 < 0.05 * SAMPLE_RATE  # the padding of an MP3 that is read once
    assert max(len(piece.channels[0]) for piece in pieces) <= 4 * stream_decoding.MAX_PIECE_SAMPLES


def test_the_head_and_what_follows_are_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_stream, "HEAD_SECONDS", 12.0)
    data = encoded("wav", "pcm_s16le", 2)
    whole = decode(data, max_seconds=60, max_bytes=2**25)
    with RecordingStream(chunks(data), size=len(data), max_seconds=60.0) as stream:
        head = stream.head()
        assert (head.seconds, len(head.tracks[0].channels)) == (20.0, 2)
        rest = []
        while (piece := stream.read()) is not None:
            rest.append(piece.channel(2).samples)
        assert stream.read() is None
        assert stream.seconds == SECONDS
        assert stream.outcome.audio_tracks == 1
        assert stream.ended
        assert 0 < stream.decoder_seconds < 20
    second = np.concatenate([head.tracks[0].channels[1].samples, *rest])
    assert np.array_equal(second, whole.tracks[0].channels[1].samples)


def test_a_file_is_read_as_it_is_heard(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(wav(Waveform(NOISE[0])))
    with stream_file(tmp_path / "talk.wav", max_seconds=60.0) as stream:
        assert stream.head().seconds == SECONDS
        assert stream.read() is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "audio_empty"),
        (b"<html>" * 100, "not_audio"),
        (wav(Waveform(NOISE[0])), "audio_too_long"),
        (wav(Waveform(NOISE[0][:0])), "audio_empty"),
    ],
)
def test_what_cannot_be_heard_is_one_refusal(data: bytes, code: str) -> None:
    def hear() -> None:
        with RecordingStream(chunks(data), size=len(data), max_seconds=20.0) as stream:
            stream.head()
            while stream.read() is not None:
                pass

    with pytest.raises(AudioError) as caught:
        hear()
    assert caught.value.code == code


def test_a_stream_that_is_closed_early_leaves_no_child(tmp_path: Path) -> None:
    data = wav(Waveform(np.tile(NOISE[0], 20)))
    stream = RecordingStream(chunks(data), size=len(data), max_seconds=600.0)
    assert stream.read() is not None
    stream.close()
    assert stream.read() is None


@pytest.mark.parametrize(("pause", "heard"), [(0.4, True), (5.0, False)])
def test_a_decoder_is_given_up_for_its_own_silence_not_for_that_of_the_network(
    monkeypatch: pytest.MonkeyPatch, pause: float, heard: bool
) -> None:
    monkeypatch.setattr(recording_stream, "STALL_SECONDS", 1.5)
    data = wav(Waveform(NOISE[0]))

    def slow() -> Iterator[bytes]:
        for at in range(0, len(data), -(-len(data) // 6)):
            time.sleep(pause)
            yield data[at : at + -(-len(data) // 6)]

    with RecordingStream(slow(), size=len(data), max_seconds=60.0) as stream:
        if heard:  # in more time than a decoder has for one piece
            assert stream.head().seconds == SECONDS
        else:
            with pytest.raises(AudioError):
                stream.head()


def test_what_is_louder_than_full_scale_is_scaled() -> None:
    samples = 50.0 * np.sin(np.arange(2 * SAMPLE_RATE) * 2 * math.pi * 300 / SAMPLE_RATE)
    file = io.BytesIO()
    with av.open(file, mode="w", format="wav") as out:
        track: Any = out.add_stream("pcm_f32le", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], "flt", "mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in [*track.encode(frame), *track.encode(None)]:
            out.mux(packet)
    data = file.getvalue()
    with RecordingStream(chunks(data), size=len(data), max_seconds=60.0) as stream:
        assert np.abs(stream.head().first.samples).max() == pytest.approx(1.0, abs=1e-3)
