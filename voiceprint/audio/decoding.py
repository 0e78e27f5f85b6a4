"""Bytes to a Recording, once, at the edge: after this there are no files, sample rates or integers.

Each recording is decoded in a child process of its own (``decoder_child``) that has little memory, little time and no
files, so that a decoder's fault becomes one refusal. Live audio is raw PCM and needs no decoder.
"""

import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread, Timer
from typing import IO, Annotated, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoder_pool import Child, Decoders
from voiceprint.audio.recording import SAMPLE_RATE, Recording, Track, Waveform
from voiceprint.errors import AudioError

__all__ = [
    "FINE",
    "MAX_PEAK",
    "MAX_SAID",
    "SAMPLE_RATE",
    "Described",
    "Recording",
    "Waveform",
    "decode",
    "decoder_walls",
    "feed",
    "last_word",
    "open_regular",
    "read_bytes",
    "read_file",
    "refusal_of",
    "start_decoder",
]

DECODE_SECONDS = 60.0
_CHILD_CODES = frozenset({"audio_damaged", "audio_too_long", "audio_unsupported", "not_audio"})
MAX_SAID = 4096
FINE = "decoded"  # as the decoder says it; it cannot be imported without FFmpeg
# Channels of sound that one recording may have in memory; the child mixes down what is more.
MAX_CHANNEL_SHARE = 2
# A file of floating point whose peak lies above is scaled; what lies little above is what resampling adds.
MAX_PEAK = 2.0
_decoders = Decoders()

_Count = Annotated[int, msgspec.Meta(ge=1)]
_Channels = Annotated[int, msgspec.Meta(ge=1, le=8)]


class Described(msgspec.Struct, frozen=True):
    """What the child says beside the samples. ``tracks``: number, channels and samples a channel of each."""

    tracks: tuple[tuple[_Count, _Channels, _Count], ...]
    audio_tracks: _Count
    lost_seconds: Annotated[float, msgspec.Meta(ge=0.0)]
    more_than_said: bool

    @classmethod
    def of(cls, word: Mapping[str, object]) -> Self:
        """Raises AudioError where it is nothing of the kind."""
        try:
            return msgspec.convert(word, cls)
        except msgspec.ValidationError as error:
            raise refusal_of({}) from error

    def about(self, tracks: Sequence[Track]) -> Recording:
        """The recording of these tracks."""
        return Recording(tuple(tracks), self.audio_tracks, self.lost_seconds, self.more_than_said)


def read_file(path: Path, *, max_seconds: float, max_bytes: int) -> Recording:
    """A recording on disk. Raises AudioError, as ``read_bytes`` and ``decode``."""
    return decode(read_bytes(path, max_bytes=max_bytes), max_seconds=max_seconds, max_bytes=max_bytes)


def read_bytes(path: Path, *, max_bytes: int) -> bytes:
    """What is in a regular file. Raises AudioError: ``audio_unreadable``, ``audio_too_large``."""
    file, size = open_regular(path)
    with file:
        if size > max_bytes:
            raise _too_large(size, max_bytes)
        try:
            data = file.read(max_bytes + 1)
        except OSError as error:
            raise _unreadable(error) from error
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    return data


def open_regular(path: Path) -> tuple[IO[bytes], int]:
    """A regular file, open, and its size. Raises AudioError (``audio_unreadable``)."""
    try:
        # Without O_NONBLOCK opening a FIFO would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(descriptor)
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise AudioError("audio_unreadable", "This is not a regular file.")
    return os.fdopen(descriptor, "rb"), status.st_size


def decode(data: bytes, *, max_seconds: float, max_bytes: int) -> Recording:
    """What can be heard of a recording in any common format (docs/formats.md), decoded in a child process.

    Raises AudioError: audio_empty, audio_too_large, audio_too_long, not_audio, audio_unsupported, audio_damaged.
    """
    if not data:
        raise AudioError("audio_empty", "The recording is empty.")
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    recording = _recording(*_run_decoder(data, max_seconds))
    if not recording.tracks:
        raise AudioError("audio_empty", "There is no sound in the recording.")
    return recording


def decoder_walls() -> frozenset[str]:
    """The walls around the decoder's child on this machine: ``seccomp``, ``landlock``, both, or nothing."""
    try:
        return _decoders.walls()
    except OSError:  # no decoder at all: each recording is refused with the reason
        return frozenset()


def start_decoder(max_seconds: float, *, size: int | None = None) -> Child:
    """A decoder at work; ``size``: of a file that it decodes piece by piece. Raises AudioError."""
    try:
        return _decoders.start(max_seconds) if size is None else _decoders.start(max_seconds, size=size)
    except OSError as error:
        raise AudioError("audio_not_decoded", f"The decoder cannot be started: {error.strerror or error}.") from error


def _run_decoder(data: bytes, max_seconds: float) -> tuple[bytes, Mapping[str, object]]:
    """Samples from the child and what it says of them, or its refusal; whatever else happens is one refusal too."""
    most = int(max_seconds * SAMPLE_RATE) * MAX_CHANNEL_SHARE * 4
    child = start_decoder(max_seconds)
    deadline = Timer(DECODE_SECONDS, child.kill)
    deadline.start()
    try:
        with child:
            feeder = Thread(target=feed, args=(child.stdin, [data]))
            feeder.start()
            samples = child.stdout.read(most + 1)
            if len(samples) > most:
                child.kill()
            said = child.stderr.read(MAX_SAID)
            feeder.join()
    finally:
        deadline.cancel()  # after Ctrl-C too: the end of the program would wait for it
    word = last_word(said)
    if len(samples) <= most and word.get("code") == FINE:
        return samples, word
    raise refusal_of(word)


def _recording(pcm: bytes, word: Mapping[str, object]) -> Recording:
    """As the child describes it. What it says is believed only as far as it fits."""
    described = Described.of(word)
    try:
        samples = np.frombuffer(pcm, np.float32)
        if sum(channels * count for _, channels, count in described.tracks) != len(samples):
            raise refusal_of({})
        tracks, at = [], 0
        for number, channels, count in described.tracks:
            block = samples[at : at + channels * count].reshape(channels, count)
            tracks.append(Track(number, tuple(Waveform(_in_range(row)) for row in block)))
            at += channels * count
    except ValueError as error:
        raise refusal_of({}) from error
    return described.about(tracks)


def _in_range(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy within [-1, 1]."""
    peak = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(peak):
        raise refusal_of({})
    return samples / np.float32(peak) if peak > MAX_PEAK else np.clip(samples, -1.0, 1.0)


def feed(pipe: IO[bytes], chunks: Iterable[bytes]) -> None:
    """From a thread of its own, because the child begins to answer before it has heard everything."""
    with suppress(OSError), pipe:  # a child that refused does not want to hear the rest
        for chunk in chunks:
            pipe.write(chunk)


def last_word(said: bytes) -> dict[str, object]:
    """The object on the last line, empty where it is nothing of the kind."""
    try:
        word = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError, RecursionError):
        return {}
    return word if isinstance(word, dict) else {}


def refusal_of(word: Mapping[str, object]) -> AudioError:
    """What the child says is passed on only in the form that it is to say it in."""
    code, message = word.get("code"), word.get("message")
    if isinstance(code, str) and code in _CHILD_CODES and isinstance(message, str) and message.isprintable():
        return AudioError(code, message)
    return AudioError("audio_damaged", "The recording cannot be decoded.")


def _unreadable(error: OSError | ValueError) -> AudioError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return AudioError("audio_unreadable", f"The file cannot be read: {reason}.")


def _too_large(seen: int, max_bytes: int) -> AudioError:
    return AudioError("audio_too_large", f"The recording has {seen} bytes; at most {max_bytes} are taken.")
