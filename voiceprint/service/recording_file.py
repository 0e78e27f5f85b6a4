"""A recording that a person named: a file, or ``-`` for standard input."""

import sys
from pathlib import Path

from voiceprint.audio.decoding import read_bytes
from voiceprint.audio.recording_stream import RecordingStream, stream_file
from voiceprint.config import Settings
from voiceprint.errors import AudioError

__all__ = ["STANDARD_INPUT", "open_stream", "read_recording"]

STANDARD_INPUT = Path("-")


def read_recording(path: Path, *, max_bytes: int) -> bytes:
    """The bytes of a recording. Raises AudioError: ``audio_unreadable``, ``audio_too_large``."""
    if path != STANDARD_INPUT:
        return read_bytes(path, max_bytes=max_bytes)
    data = sys.stdin.buffer.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise AudioError("audio_too_large", f"More than {max_bytes} bytes came on standard input.")
    return data


def open_stream(path: Path, settings: Settings) -> RecordingStream:
    """The recording to be decoded as it is read; what comes on standard input is read first. Raises AudioError."""
    if path != STANDARD_INPUT:
        return stream_file(path, max_seconds=settings.max_recording_seconds)
    data = read_recording(path, max_bytes=settings.max_recording_bytes)
    return RecordingStream([data], size=len(data), max_seconds=settings.max_recording_seconds)
