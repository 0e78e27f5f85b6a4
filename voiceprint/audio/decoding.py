"""Bytes to Waveform, once, at the edge: after this nobody sees files, sample rates, channels or integers.

Each recording is decoded in a child process of its own (``decoder``) that has little memory, little time and no files,
so that a decoder's fault becomes one refusal. Live audio is raw PCM and needs no decoder.
"""

import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread, Timer
from typing import IO

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoder_pool import Decoders
from voiceprint.errors import AudioError

__all__ = ["SAMPLE_RATE", "Waveform", "decode", "decoder_walls", "pcm16_to_waveform", "read_bytes", "read_file"]

SAMPLE_RATE = 16_000
DECODE_SECONDS = 60.0
_CHILD_CODES = frozenset({"audio_damaged", "audio_too_long", "audio_unsupported", "not_audio"})
_MAX_SAID = 4096
FINE = "decoded"  # as the decoder says it; it cannot be imported without FFmpeg
_decoders = Decoders()


@dataclass(frozen=True, slots=True)
class Waveform:
    """``samples``: float32 (num_samples,), mono, 16 kHz, in [-1, 1]."""

    samples: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


def pcm16_to_waveform(frame: bytes) -> Waveform:
    """Signed 16 bit, little endian, mono, 16 kHz. Raises AudioError (``odd_bytes``)."""
    if len(frame) % 2:
        raise AudioError("odd_bytes", f"A frame of 16 bit samples cannot have {len(frame)} bytes.")
    return Waveform(np.frombuffer(frame, "<i2").astype(np.float32) / 32768.0)


def read_file(path: Path, *, max_seconds: float, max_bytes: int) -> Waveform:
    """A recording on disk. Raises AudioError, as ``read_bytes`` and ``decode``."""
    return decode(read_bytes(path, max_bytes=max_bytes), max_seconds=max_seconds, max_bytes=max_bytes)


def read_bytes(path: Path, *, max_bytes: int) -> bytes:
    """What is in a regular file. Raises AudioError: ``audio_unreadable``, ``audio_too_large``."""
    try:
        # Without O_NONBLOCK opening a FIFO would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise AudioError("audio_unreadable", f"The file cannot be read: {reason}.") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise AudioError("audio_unreadable", "This is not a regular file.")
        if status.st_size > max_bytes:
            raise _too_large(status.st_size, max_bytes)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise AudioError("audio_unreadable", f"The file cannot be read: {error.strerror}.") from error
    finally:
        os.close(descriptor)
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    return data


def decode(data: bytes, *, max_seconds: float, max_bytes: int) -> Waveform:
    """Any common recording (wav, flac, mp3, ogg, opus, m4a, webm, aiff) to a Waveform, in a child process.

    Raises AudioError: audio_empty, audio_too_large, audio_too_long, not_audio, audio_unsupported, audio_damaged.
    """
    if not data:
        raise AudioError("audio_empty", "The recording is empty.")
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    samples = np.frombuffer(_run_decoder(data, max_seconds), np.int32)
    if not len(samples):
        raise AudioError("audio_empty", "There is no sound in the recording.")
    return Waveform(samples.astype(np.float32) / np.float32(2**31))


def decoder_walls() -> frozenset[str]:
    """What closes the decoder's child in on this machine: ``seccomp``, ``landlock``, both, or nothing."""
    try:
        return _decoders.walls()
    except OSError:  # no decoder at all; whoever sends a recording is told
        return frozenset()


def _run_decoder(data: bytes, max_seconds: float) -> bytes:
    """PCM from the child, or its refusal; whatever else happens to the child is one refusal too."""
    most = int(max_seconds * SAMPLE_RATE) * 4
    try:
        child = _decoders.start(max_seconds)
    except OSError as error:
        raise AudioError("audio_not_decoded", f"The decoder cannot be started: {error.strerror or error}.") from error
    deadline = Timer(DECODE_SECONDS, child.kill)
    deadline.start()
    with child:
        feeder = Thread(target=_feed, args=(child.stdin, data))
        feeder.start()
        pcm = child.stdout.read(most + 1)
        if len(pcm) > most:
            child.kill()
        said = child.stderr.read(_MAX_SAID)
        feeder.join()
        deadline.cancel()
    if len(pcm) <= most and _last_word(said)[0] == FINE:
        return pcm
    raise _refusal(said)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    """From a thread of its own, because the child begins to answer before it has heard everything."""
    with suppress(OSError), pipe:  # a child that refused does not want to hear the rest
        pipe.write(data)


def _last_word(said: bytes) -> tuple[str, str]:
    """Code and message of the last line, both empty where it is nothing of the kind."""
    try:
        word = json.loads(said.splitlines()[-1])
        code, message = word["code"], word["message"]
    except (ValueError, KeyError, IndexError, TypeError):
        return "", ""
    return (code, message) if isinstance(code, str) and isinstance(message, str) else ("", "")


def _refusal(said: bytes) -> AudioError:
    """What the child says is passed on only in the form that it is to say it in."""
    code, message = _last_word(said)
    if code in _CHILD_CODES and message.isprintable():
        return AudioError(code, message)
    return AudioError("audio_damaged", "The recording cannot be decoded.")


def _too_large(seen: int, max_bytes: int) -> AudioError:
    return AudioError("audio_too_large", f"The recording has {seen} bytes; at most {max_bytes} are taken.")
