"""A recording that is decoded as it is read, piece by piece: memory does not grow with its length."""

import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio import decoding
from voiceprint.audio.decoding import FINE, Described, last_word, refusal_of
from voiceprint.audio.recording import SAMPLE_RATE, Recording, Track, Waveform
from voiceprint.errors import AudioError

__all__ = ["HEAD_SECONDS", "RecordingStream", "SoundPiece", "stream_file"]

# What is listened to before it is chosen which tracks and channels are heard: ten minutes of two channels.
HEAD_SECONDS = 600.0
HEAD_CHANNELS = 2
PIECE_FORM = struct.Struct("<BBI")  # as the child has it
MAX_CHANNELS, MAX_PIECE_SAMPLES = 8, 10 * SAMPLE_RATE
# The decoder is given up where nothing comes of it for so long, and it waits for nothing.
STALL_SECONDS = 60.0
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SoundPiece:
    """The next samples of a track (``track``: counted from 1), of each of its channels."""

    track: int
    channels: tuple[Waveform, ...]

    def channel(self, number: int | None) -> Waveform:
        """That of a number, counted from 1; where there are fewer they stand for the others."""
        return self.channels[((number or 1) - 1) % len(self.channels)]


@dataclass(slots=True)
class _Heard:
    """``samples``: so far of each track; ``peak``: of what was louder than full scale."""

    samples: dict[int, int] = field(default_factory=dict)
    peak: float = decoding.MAX_PEAK
    described: Described | None = None


class RecordingStream:
    """First ask for the ``head``, then ``read`` on. Not to be shared between threads; close it."""

    def __init__(self, chunks: Iterable[bytes], *, size: int, max_seconds: float) -> None:
        """``chunks``: the file, which has ``size`` bytes; each is let go of once it is read.

        Raises AudioError: ``audio_empty``, ``audio_not_decoded``.
        """
        if not size:
            raise AudioError("audio_empty", "The recording is empty.")
        self._max_samples = int(max_seconds * SAMPLE_RATE)
        self._child = decoding.start_decoder(max_seconds, size=size)
        self._given_at = time.monotonic()
        self._feeder = Thread(target=decoding.feed, args=(self._child.stdin, self._noted(chunks)), daemon=True)
        self._feeder.start()
        self._heard = _Heard()
        self._ended = False
        self._decoder_seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the decoder, if it still works."""
        self._ended = True
        self._child.kill()
        self._feeder.join()
        self._child.__exit__(None, None, None)

    @property
    def seconds(self) -> float:
        """Of what was read, of the longest track."""
        return max(self._heard.samples.values(), default=0) / SAMPLE_RATE

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be read."""
        return self._ended

    @property
    def decoder_seconds(self) -> float:
        """That the decoder worked so far."""
        return self._decoder_seconds

    @property
    def outcome(self) -> Recording:
        """What is to be said about the whole recording, without sound; at the end."""
        said = self._heard.described
        return Recording((), 1, 0.0) if said is None else said.about(())

    def head(self) -> Recording:
        """The beginning: all channels of all tracks, for up to ten minutes. Raises AudioError, as ``read``."""
        pieces: list[SoundPiece] = []
        most, held = int(HEAD_CHANNELS * HEAD_SECONDS * SAMPLE_RATE), 0
        while held < most and self.seconds < HEAD_SECONDS and (piece := self.read()) is not None:
            pieces.append(piece)
            held += sum(len(channel.samples) for channel in piece.channels)
        if not pieces:
            raise AudioError("audio_empty", "There is no sound in the recording.")
        tracks = sorted({piece.track for piece in pieces})
        joined = tuple(_joined(number, [piece for piece in pieces if piece.track == number]) for number in tracks)
        said = self._heard.described
        return Recording(joined, len(tracks)) if said is None else said.about(joined)

    def read(self) -> SoundPiece | None:
        """What comes next, None at the end.

        Raises AudioError: not_audio, audio_unsupported, audio_damaged, audio_too_long.
        """
        if self._ended:
            return None
        head = self._read(PIECE_FORM.size)
        if not head:
            self._end()
            return None
        track, channels, samples = PIECE_FORM.unpack(head)
        if not (1 <= channels <= MAX_CHANNELS and 1 <= samples <= MAX_PIECE_SAMPLES):
            raise refusal_of({})
        total = self._heard.samples[track] = self._heard.samples.get(track, 0) + samples
        if total > self._max_samples + MAX_PIECE_SAMPLES:
            raise refusal_of({})
        sound = np.frombuffer(self._read(4 * channels * samples), np.float32).reshape(channels, samples)
        self._decoder_seconds = self._child.cpu_seconds  # it may have ended when it is asked for
        return SoundPiece(track, tuple(Waveform(self._in_range(row)) for row in sound))

    def _end(self) -> None:
        self._ended = True
        word = last_word(self._child.stderr.read(decoding.MAX_SAID))
        if word.get("code") != FINE:
            raise refusal_of(word)
        self._heard.described = Described.of(word)

    def _read(self, size: int) -> bytes:
        """So many bytes, or none at the end."""
        done = Event()
        Thread(target=self._watch, args=(done,), daemon=True).start()
        try:
            data = self._child.stdout.read(size)
        finally:
            done.set()
        if len(data) not in (0, size):
            raise refusal_of({})
        return data

    def _noted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks; and when the last one was given, because the decoder may wait for more."""
        for chunk in chunks:
            self._given_at = time.monotonic()
            yield chunk
        self._given_at = time.monotonic()

    def _watch(self, done: Event) -> None:
        """Give the decoder up where nothing comes of what it was given."""
        began = time.monotonic()
        while (left := max(began, self._given_at) + STALL_SECONDS - time.monotonic()) > 0:
            if done.wait(left):
                return
        self._child.kill()

    def _in_range(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """A copy within [-1, 1]: what is louder is scaled, and what follows too."""
        peak = float(np.abs(samples).max(initial=0.0))
        if not np.isfinite(peak):
            raise refusal_of({})
        self._heard.peak = max(self._heard.peak, peak)
        scale = self._heard.peak if self._heard.peak > decoding.MAX_PEAK else 1.0
        scaled: NDArray[np.float32] = np.clip(samples / np.float32(scale), -1.0, 1.0)
        return scaled


def stream_file(path: Path, *, max_seconds: float) -> RecordingStream:
    """The recording in a file, which is never in memory as a whole. Raises AudioError."""
    file, size = decoding.open_regular(path)
    try:
        return RecordingStream(_chunks(file), size=size, max_seconds=max_seconds)
    except AudioError:
        file.close()
        raise


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _joined(number: int, pieces: Sequence[SoundPiece]) -> Track:
    """The pieces of one track, with as many channels as the one that has most."""
    count = max(len(piece.channels) for piece in pieces)
    return Track(
        number,
        tuple(
            Waveform(np.concatenate([piece.channel(channel).samples for piece in pieces]))
            for channel in range(1, count + 1)
        ),
    )
