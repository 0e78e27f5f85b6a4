"""Synthesised voices, for machines without real speech: a buzz through the resonances of a vocal tract.

They are no people and prove nothing about accuracy; they are enough for the detector to hear speech, and for the
encoder to tell one from another, so that the whole path can be walked.
"""

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform

__all__ = ["VOICES", "synthetic_take"]

# fundamental in Hz, length of the vocal tract against an adult man's, breathiness
VOICES = {
    "synthetic-bass": (95.0, 1.14, 0.1),
    "synthetic-growl": (85.0, 0.8, 0.1),
    "synthetic-flute": (225.0, 0.95, 0.2),
}
# first three resonances of a few vowels, in Hz
_VOWELS = np.array(
    [[730, 1090, 2440], [270, 2290, 3010], [300, 870, 2240], [530, 1840, 2480], [570, 840, 2410], [660, 1720, 2410]]
)
_WIDTHS = (90.0, 110.0, 170.0)


def synthetic_take(voice: str, seed: int, seconds: float = 10.0) -> Waveform:
    """Syllables in random order with short pauses between phrases; the same arguments give the same take."""
    pitch, tract, breath = VOICES[voice]
    random = np.random.default_rng([seed, *voice.encode()])
    pieces: list[NDArray[np.float64]] = [np.zeros(SAMPLE_RATE // 4)]
    while sum(map(len, pieces)) < seconds * SAMPLE_RATE:
        phrase = [_syllable(random, pitch, tract, breath) for _ in range(random.integers(5, 9))]
        pieces += [*phrase, np.zeros(int(random.uniform(0.15, 0.45) * SAMPLE_RATE))]
    samples = np.concatenate(pieces)
    samples = samples / np.abs(samples).max() * 0.5 + random.normal(scale=2e-4, size=len(samples))
    return Waveform(samples.astype(np.float32))


def _syllable(random: np.random.Generator, pitch: float, tract: float, breath: float) -> NDArray[np.float64]:
    count = int(random.uniform(0.12, 0.26) * SAMPLE_RATE)
    first, last = (float(random.uniform(0.88, 1.14)) for _ in range(2))
    drift = np.linspace(first, last, count) * (1 + 0.01 * random.normal(size=count).cumsum() / 40)
    phase = np.cumsum(pitch * drift / SAMPLE_RATE)
    pulses = np.diff(np.floor(phase), prepend=0.0)
    source = np.convolve(pulses, np.exp(-np.arange(60) / 12.0))[:count] + breath * random.normal(size=count)
    begin, end = _VOWELS[random.integers(len(_VOWELS), size=2)] / tract
    spectrum = np.fft.rfft(source)
    frequency = np.fft.rfftfreq(count, 1 / SAMPLE_RATE).astype(np.float64)
    glide = np.linspace(0.0, 1.0, count)
    before, after = (np.fft.irfft(spectrum * _resonances(frequency, at), count) for at in (begin, end))
    return ((1 - glide) * before + glide * after) * np.hanning(count) ** 0.5 * random.uniform(0.5, 1.0)


def _resonances(frequency: NDArray[np.float64], formants: NDArray[np.float64]) -> NDArray[np.float64]:
    gain = np.ones_like(frequency)
    for formant, width in zip(formants, _WIDTHS, strict=True):
        gain = gain / np.sqrt((1 - (frequency / formant) ** 2) ** 2 + (frequency * width / formant**2) ** 2)
    return gain
