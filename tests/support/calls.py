"""Audio of telephone calls, and frames that carry it."""

import struct
from uuid import UUID

import numpy as np

from support.recordings import pcm, wav
from voiceprint.audio.decoding import Waveform
from voiceprint.audio.live_audio import Samples

__all__ = ["audiosocket_frame", "audiosocket_frames", "mulaw", "narrow", "telephone"]

FRAME_BYTES = 320  # 20 ms


def narrow(waveform: Waveform) -> bytes:
    """The take at 8 kHz, 16 bit."""
    return pcm(Waveform(_halved(waveform)))


def telephone(waveform: Waveform) -> bytes:
    """The take as a recording at 8 kHz."""
    return wav(Waveform(_halved(waveform)), rate=8_000)


def mulaw(waveform: Waveform) -> bytes:
    """The take at 8 kHz, as ITU-T G.711 has it."""
    samples = _halved(waveform)
    level = np.minimum(np.abs(np.round(samples * 32767).astype(int)), 32635) + 132
    exponent = np.floor(np.log2(level)).astype(int) - 7
    mantissa = (level >> (exponent + 3)) & 15
    return bytes(np.uint8(~(np.where(samples < 0, 128, 0) | (exponent << 4) | mantissa) & 255))


def audiosocket_frame(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BH", kind, len(payload)) + payload


def audiosocket_frames(number: int, audio: bytes, *, kind: int = 0x10) -> list[bytes]:
    """The id of a call, and its audio 20 ms at a time."""
    frames = [audiosocket_frame(kind, audio[at : at + FRAME_BYTES]) for at in range(0, len(audio), FRAME_BYTES)]
    return [audiosocket_frame(0x01, UUID(int=number).bytes), *frames]


def _halved(waveform: Waveform) -> Samples:
    even = waveform.samples[: len(waveform.samples) // 2 * 2]
    halved: Samples = even.reshape(-1, 2).mean(axis=1, dtype=np.float32)
    return halved
