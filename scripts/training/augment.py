"""Augmentation of training crops: rooms, noises, microphones, lines; drawn anew each time.

Every linear change (room, equaliser, band limits) and all noise are put together in the frequency domain, so a crop
costs one transform there and one back. Levels are the textbook ones for telephone and far-field speech.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft

from .data import SAMPLE_RATE, Wave

Complex = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Chance of each change, and ranges of its level (SNR in dB, reverberation time in seconds)."""

    clean: float = 0.25
    room: float = 0.45
    noise: float = 0.45
    babble: float = 0.2
    equaliser: float = 0.4
    band: float = 0.3
    coarse: float = 0.12
    clipped: float = 0.03
    noise_snr: tuple[float, float] = (3.0, 25.0)
    babble_snr: tuple[float, float] = (6.0, 22.0)
    rt60: tuple[float, float] = (0.1, 0.8)


def degrade(crop: Wave, others: list[Wave], rng: Generator, recipe: Recipe | None = None) -> Wave:
    """A degraded crop (num_samples,), same length, peak at most 1. `others`: a babble, if any."""
    recipe = recipe or Recipe()
    if rng.random() < recipe.clean:
        return level(crop, rng)
    size = fft.next_fast_len(len(crop) + SAMPLE_RATE // 2, real=True)
    spectrum = fft.rfft(crop, size)
    if rng.random() < recipe.room:
        spectrum = spectrum * fft.rfft(room(rng, recipe.rt60), size)
    if rng.random() < recipe.noise:
        spectrum = spectrum + noise_at(spectrum, noise(size, rng), rng.uniform(*recipe.noise_snr))
    if others:
        chatter = np.sum([np.resize(o, len(crop)) for o in others], axis=0)
        spectrum = spectrum + noise_at(spectrum, fft.rfft(chatter, size), rng.uniform(*recipe.babble_snr))
    if rng.random() < recipe.equaliser:
        spectrum = spectrum * equaliser(size, rng)
    if rng.random() < recipe.band:
        spectrum = spectrum * band(size, rng)
    wave = np.asarray(fft.irfft(spectrum, size)[: len(crop)], dtype=np.float32)
    return level(distort(wave, rng, recipe), rng)


def room(rng: Generator, rt60: tuple[float, float]) -> Wave:
    """A simulated room's impulse response (num_samples,).

    The direct sound, then noise that decays by 60 dB in rt60.
    """
    seconds = rng.uniform(*rt60)
    time = np.arange(int(min(seconds, 0.5) * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time), dtype=np.float32) * np.exp(-6.9 * time / seconds)
    tail[: int(rng.uniform(0.001, 0.02) * SAMPLE_RATE)] = 0  # nothing arrives before the first wall's echo
    tail *= 10 ** (-rng.uniform(-5, 15) / 20) / np.sqrt((tail**2).sum() + 1e-9)
    tail[0] = 1.0
    return np.asarray(tail, dtype=np.float32)


def noise(size: int, rng: Generator) -> Complex:
    """Spectrum (size // 2 + 1,) of noise whose power falls by 0 to 6 dB an octave.

    From a hiss to a rumble.
    """
    bins = size // 2 + 1
    white = rng.standard_normal((2, bins), dtype=np.float32)
    slope = np.maximum(np.arange(bins, dtype=np.float32) / bins, 0.004) ** -rng.uniform(0, 1)
    return np.asarray((white[0] + 1j * white[1]) * slope, dtype=np.complex64)


def noise_at(speech: Complex, disturbance: Complex, snr_db: float) -> Complex:
    """The disturbance, scaled to lie snr_db under the speech in mean power."""
    ratio = np.linalg.norm(speech) / (np.linalg.norm(disturbance) + 1e-9)
    return np.asarray(disturbance * (ratio * 10 ** (-snr_db / 20)), dtype=np.complex64)


def equaliser(size: int, rng: Generator) -> NDArray[np.float32]:
    """Gain (size // 2 + 1,) of another microphone.

    Up to 10 dB up or down at 8 points, straight lines between.
    """
    points = np.geomspace(60, SAMPLE_RATE / 2, 8)
    gain_db = np.interp(fft.rfftfreq(size, 1 / SAMPLE_RATE), points, rng.uniform(-10, 10, 8))
    return np.asarray(10 ** (gain_db / 20), dtype=np.float32)


def band(size: int, rng: Generator) -> NDArray[np.float32]:
    """Gain (size // 2 + 1,) of a narrow line.

    The telephone's 300 to 3400 Hz, or another upper limit from 3.4 kHz.
    """
    frequency = fft.rfftfreq(size, 1 / SAMPLE_RATE)
    low, high = (
        (rng.uniform(200, 350), rng.uniform(3200, 3800)) if rng.random() < 0.5 else (20, rng.uniform(3400, 7600))
    )
    steep = 10 ** (-np.maximum(0, np.maximum(frequency / high - 1, 1 - frequency / low)) * 12)
    return np.asarray(np.maximum(steep, 1e-3), dtype=np.float32)


def distort(wave: Wave, rng: Generator, recipe: Recipe) -> Wave:
    """Coarse steps as of a codec (mu-law of 6 to 8 bits) or clipped peaks, each at its chance."""
    peak = float(np.abs(wave).max()) + 1e-6
    if rng.random() < recipe.coarse:
        steps, mu = 2 ** rng.integers(5, 8), 255.0
        squeezed = np.sign(wave) * np.log1p(mu * np.abs(wave) / peak) / np.log1p(mu)
        coarse = np.round(squeezed * steps) / steps
        wave = np.sign(coarse) * np.expm1(np.abs(coarse) * np.log1p(mu)) / mu * peak
    if rng.random() < recipe.clipped:
        limit = peak * rng.uniform(0.2, 0.6)
        wave = np.clip(wave, -limit, limit)
    return np.asarray(wave, dtype=np.float32)


def level(wave: Wave, rng: Generator) -> Wave:
    """The wave with its peak somewhere from -30 to -1 dB of full scale."""
    gain = 10 ** (rng.uniform(-30, -1) / 20) / (np.abs(wave).max() + 1e-6)
    return np.asarray(wave * gain, dtype=np.float32)
