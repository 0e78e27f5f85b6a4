"""What telephones, noise and rooms do to speech: for calibrations and evaluations."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE

__all__ = ["CHANGES", "Change", "noisy", "opus", "room", "telephone"]

Samples = NDArray[np.float32]
# Applied to a recording before it is heard.
Change = Callable[[Samples], Samples]
TELEPHONE_HERTZ = 3_800.0
MU = 255
OPUS_BITS_PER_SECOND = 16_000
ROOM_SECONDS, ROOM_DIRECT_DB, ROOM_DELAY_SECONDS = 0.5, -3.0, 0.003


def telephone(samples: Samples) -> Samples:
    """Nothing above 3.8 kHz, and the 8 bit of G.711 (mu-law)."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE) > TELEPHONE_HERTZ] = 0
    narrow = np.clip(np.fft.irfft(spectrum, len(samples)), -1, 1)
    steps = np.round(np.sign(narrow) * np.log1p(MU * np.abs(narrow)) / np.log1p(MU) * 127) / 127
    coded: Samples = (np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU).astype(np.float32)
    return coded


def noisy(samples: Samples, *, snr_db: float = 10.0) -> Samples:
    """With noise of falling spectrum (equal power an octave), ``snr_db`` under the mean power of the recording; the
    same noise for the same length.
    """
    white = np.fft.rfft(np.random.default_rng(len(samples)).normal(size=len(samples)))
    pink = np.fft.irfft(white / np.sqrt(np.maximum(np.arange(len(white)), 1)), len(samples))
    power = float(np.mean(np.square(samples))) / 10 ** (snr_db / 10)
    mixed: Samples = (samples + pink * np.sqrt(power / np.mean(np.square(pink)))).astype(np.float32)
    return np.clip(mixed, -1, 1)


def room(samples: Samples) -> Samples:
    """Across a room whose sound falls by 60 dB in half a second, the direct sound 3 dB below the rest.

    White noise that decays evenly after the direct sound (Polack 1988); the same room for the same length.
    """
    at = np.arange(int(ROOM_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    late = np.random.default_rng(len(samples)).normal(size=len(at)) * 10 ** (-3 * at / ROOM_SECONDS)
    late[at < ROOM_DELAY_SECONDS] = 0
    late *= np.sqrt(10 ** (-ROOM_DIRECT_DB / 10) / np.sum(np.square(late)))
    late[0] = 1.0
    size = len(samples) + len(late)
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(late, size), size)[: len(samples)]
    heard *= np.sqrt(np.mean(np.square(samples)) / max(float(np.mean(np.square(heard))), 1e-12))
    return np.clip(heard, -1, 1).astype(np.float32)


def opus(samples: Samples) -> Samples:
    """Through Opus at 16 kbit/s, as a video call with little bandwidth, and back."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as out:
        stream: Any = out.add_stream("libopus", rate=SAMPLE_RATE, layout="mono", bit_rate=OPUS_BITS_PER_SECOND)
        integers = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(integers, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    file.seek(0)
    with av.open(file, "r") as source:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        parts = [part for frame in source.decode(audio=0) for part in resampler.resample(frame)]
        parts += resampler.resample(None)
    heard = np.concatenate([part.to_ndarray()[0] for part in parts])[: len(samples)]
    whole: Samples = np.clip(np.pad(heard, (0, len(samples) - len(heard))), -1, 1).astype(np.float32)
    return whole


CHANGES: Mapping[str, Change] = {"telephone": telephone, "noise": noisy, "room": room, "opus": opus}
