"""Waveforms as the bytes that people and programs send."""

import io
import wave

import numpy as np

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform

__all__ = ["pcm", "wav"]


def pcm(waveform: Waveform) -> bytes:
    """Raw 16 bit samples, as a live stream carries them."""
    return np.round(waveform.samples * 32767).astype("<i2").tobytes()


def wav(waveform: Waveform, *, rate: int = SAMPLE_RATE) -> bytes:
    """A recording; ``rate``: of the samples, where it is not that of every waveform."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm(waveform))
    return buffer.getvalue()
