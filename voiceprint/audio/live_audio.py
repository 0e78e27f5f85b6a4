"""Raw samples as a live stream carries them, to a waveform: any rate, four encodings, one or two channels."""

from collections.abc import Callable, Mapping

import numpy as np
import soxr
from numpy.typing import NDArray

from voiceprint.audio.recording import SAMPLE_RATE, Waveform
from voiceprint.errors import AudioError

__all__ = ["ENCODINGS", "MAX_CHANNELS", "MAX_RATE", "MIN_RATE", "LiveAudio"]

Samples = NDArray[np.float32]
MIN_RATE, MAX_RATE = 8_000, 48_000
MAX_CHANNELS = 2
# So much that is no silence is looked at, to tell whether it can be what was declared.
_PROOF_SECONDS = 0.5
# Speech that is read as what it is not is loud, and several times as rough as if it is read rightly.
_LOUD, _SMOOTH, _ROUGHER = 0.05, 0.3, 4.0
# Floating point is what nearly always lies within full scale, and not far below the softest sound.
_FLOAT_LEVELS, _FLOAT_SHARE = (1e-9, 1.5), 0.99
# The louder of two channels is heard, by its power in about the last second; the other must be so much louder to take
# over.
_FORGET_SECONDS, _TAKE_OVER = 1.0, 4.0
_CONTAINERS: Mapping[bytes, str] = {
    b"RIFF": "a WAV file",
    b"OggS": "an Ogg file",
    b"\x1a\x45\xdf\xa3": "a WebM file",
    b"fLaC": "a FLAC file",
    b"ID3": "an MP3 file",
}


class LiveAudio:
    """One stream. Feed it pieces of any size. ``bytes_a_second``: how many a second of sound has."""

    def __init__(self, encoding: str, rate: int, channels: int = 1) -> None:
        """Raises AudioError: ``wrong_encoding``, ``wrong_rate``, ``wrong_channels``."""
        if encoding not in ENCODINGS:
            raise AudioError("wrong_encoding", f"Audio must be one of {', '.join(ENCODINGS)}, not {encoding!r:.40}.")
        if not MIN_RATE <= rate <= MAX_RATE:
            raise AudioError("wrong_rate", f"Audio must come at {MIN_RATE} to {MAX_RATE} Hz, not {rate}.")
        if not 1 <= channels <= MAX_CHANNELS:
            raise AudioError("wrong_channels", f"Audio must have one or two channels, not {channels}.")
        self._size, self._read = ENCODINGS[encoding]
        self.bytes_a_second = self._size * channels * rate
        self._encoding, self._rate, self._channels = encoding, rate, channels
        self._resampler = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        self._rest = b""
        self._proof: bytearray | None = bytearray()
        self._powers = np.zeros(channels)
        self._heard = 0

    def feed(self, frame: bytes) -> Waveform:
        """The sound in it; what is no whole sample waits for the next. Raises AudioError (``wrong_encoding``)."""
        data = self._rest + frame
        whole = len(data) - len(data) % (self._size * self._channels)
        self._rest = data[whole:]
        self._check(data[:whole])
        return Waveform(self._resampled(self._one_channel(self._read(data[:whole])), last=False))

    def finish(self) -> Waveform:
        """What the resampler still holds."""
        return Waveform(self._resampled(np.zeros(0, np.float32), last=True))

    def _one_channel(self, samples: Samples) -> Samples:
        """The channel that is louder: an average would lose what cancels."""
        if self._channels == 1 or not len(samples):
            return samples
        channels = samples.reshape(-1, self._channels)
        kept = np.exp(-len(channels) / self._rate / _FORGET_SECONDS)
        self._powers = kept * self._powers + (1 - kept) * channels.var(axis=0, dtype=np.float64)
        loudest = int(self._powers.argmax())
        if self._powers[loudest] > _TAKE_OVER * self._powers[self._heard]:
            self._heard = loudest
        return np.ascontiguousarray(channels[:, self._heard])

    def _resampled(self, samples: Samples, *, last: bool) -> Samples:
        if self._resampler is None:
            return samples
        heard: Samples = self._resampler.resample_chunk(samples, last=last)
        return np.clip(heard, -1.0, 1.0)

    def _check(self, data: bytes) -> None:
        """Whether the first sound can be what was declared."""
        if self._proof is None:
            return
        if not self._proof:
            self._refuse_container(data)
        if any(data):
            self._proof += data
        if len(self._proof) >= _PROOF_SECONDS * self.bytes_a_second:
            proof, self._proof = bytes(self._proof), None
            self._refuse_other(proof)

    def _refuse_container(self, data: bytes) -> None:
        found = next((name for magic, name in _CONTAINERS.items() if data.startswith(magic)), None)
        if found is not None:
            raise AudioError("wrong_encoding", f"This is {found}: send its samples alone, or the file to /v1/identify.")

    def _refuse_other(self, proof: bytes) -> None:
        samples = self._read(proof)
        if _level(samples) < _LOUD:
            return
        rough = {name: _roughness(name, proof, self._channels) for name in _READERS}
        other = min(rough, key=lambda name: rough[name])
        if rough[other] < min(_SMOOTH, rough[self._encoding] / _ROUGHER):
            raise AudioError("wrong_encoding", f"The audio cannot be {self._encoding}; it looks like {other}.")


def _level(samples: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _roughness(encoding: str, data: bytes, channels: int) -> float:
    """One less the correlation of neighbours in a channel; 1 for what cannot be of that encoding."""
    if encoding == "pcm_f32le" and not _is_float(data):
        return 1.0
    samples = _READERS[encoding](data)
    channel = samples[: len(samples) - len(samples) % channels].reshape(-1, channels)[:, 0].astype(np.float64)
    channel = channel - channel.mean()
    power = float(channel @ channel)
    return 1.0 - float(channel[1:] @ channel[:-1]) / power if power > 0 else 1.0


def _is_float(data: bytes) -> bool:
    magnitude = np.abs(np.frombuffer(data[: len(data) - len(data) % 4], "<f4"))
    low, high = _FLOAT_LEVELS
    return bool(np.mean((magnitude == 0) | ((magnitude > low) & (magnitude < high))) > _FLOAT_SHARE)


def _read_float(data: bytes) -> Samples:
    """Floating point may hold what is no number."""
    samples = np.frombuffer(data[: len(data) - len(data) % 4], "<f4")
    heard: Samples = np.clip(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0).astype(np.float32)
    return heard


def _read_pcm(data: bytes) -> Samples:
    return np.frombuffer(data[: len(data) - len(data) % 2], "<i2").astype(np.float32) / np.float32(32768.0)


def _read_big_endian(data: bytes) -> Samples:
    return np.frombuffer(data[: len(data) - len(data) % 2], ">i2").astype(np.float32) / np.float32(32768.0)


def _mulaw_table() -> Samples:
    """ITU-T G.711, mu-law: float32 (256,)."""
    code = ~np.arange(256, dtype=np.uint8)
    magnitude = (((code & 0x0F).astype(np.int32) << 3) + 0x84 << ((code & 0x70) >> 4).astype(np.int32)) - 0x84
    return (np.where(code & 0x80, -magnitude, magnitude) / 32768.0).astype(np.float32)


def _alaw_table() -> Samples:
    """ITU-T G.711, A-law: float32 (256,)."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code & 0x70) >> 4).astype(np.int32), (code & 0x0F).astype(np.int32) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) / 32768.0).astype(np.float32)


_MULAW, _ALAW = _mulaw_table(), _alaw_table()


def _read_mulaw(data: bytes) -> Samples:
    return _MULAW[np.frombuffer(data, np.uint8)]


def _read_alaw(data: bytes) -> Samples:
    return _ALAW[np.frombuffer(data, np.uint8)]


# Bytes of a sample, and what reads them.
ENCODINGS: Mapping[str, tuple[int, Callable[[bytes], Samples]]] = {
    "pcm_s16le": (2, _read_pcm),
    "pcm_f32le": (4, _read_float),
    "mulaw": (1, _read_mulaw),
    "alaw": (1, _read_alaw),
}
_READERS: Mapping[str, Callable[[bytes], Samples]] = {
    **{name: read for name, (_, read) in ENCODINGS.items()},
    "16 bit samples in big-endian order": _read_big_endian,
}
