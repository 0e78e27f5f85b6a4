"""What telephones, noise and rooms do to speech: for cohorts and for evaluations, never for enrollment."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE

__all__ = ["CHANGES", "Change", "noisy", "opus", "telephone"]

Samples = NDArray[np.float32]
# Applied to a recording before it is heard.
Change = Callable[[Samples], Samples]
TELEPHONE_HERTZ = 3_800.0
MU = 255
OPUS_BITS_PER_SECOND = 16_000


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


CHANGES: Mapping[str, Change] = {"telephone": telephone, "noise": noisy, "opus": opus}
