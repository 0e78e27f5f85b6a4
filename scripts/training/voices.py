"""New voices from recorded ones: another speed, or other formants alone.

Speed changes pitch, formants and tempo together. A changed voice is another speaker for the teacher, so every variant
gets teacher vectors of its own. Resampling by 1.1 after moving the formants by 1/1.1 raises the pitch alone: the two
changes together reach any pitch and any formants.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .data import Wave

FRAME = 512
HOP = 128
# Quefrencies under 2 ms carry the envelope (formants), those above the pitch of voices up to 500 Hz.
ENVELOPE_COEFFICIENTS = 32


@dataclass(frozen=True, slots=True)
class Variant:
    """speed: factor on tempo, pitch and formants; formants.

    Factor on the formants alone, before the speed changes.
    """

    speed: float = 1.0
    formants: float = 1.0

    @property
    def name(self) -> str:
        return f"s{self.speed:.2f}f{self.formants:.2f}"

    def apply(self, wave: Wave) -> Wave:
        """The wave (num_samples,) in this voice, num_samples / speed long."""
        return change_speed(shift_formants(wave, self.formants), self.speed)


def change_speed(wave: Wave, speed: float) -> Wave:
    """Resample, so that the wave (num_samples,) plays `speed` times as fast and as high."""
    if speed == 1.0:
        return wave
    from scipy.signal import resample_poly

    ratio = Fraction(speed).limit_denominator(40)
    return np.asarray(resample_poly(wave, ratio.denominator, ratio.numerator), dtype=np.float32)


def shift_formants(wave: Wave, factor: float) -> Wave:
    """The wave with its envelope stretched by `factor` (cepstral smoothing), at the same pitch."""
    if factor == 1.0:
        return wave
    window = np.hanning(FRAME + 1)[:-1]
    padded = np.pad(wave.astype(np.float64), (FRAME, 2 * FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * window
    spectrum = np.fft.rfft(frames)
    envelope = _log_envelope(np.abs(spectrum))
    bins = np.arange(spectrum.shape[1])
    source = np.clip(bins / factor, 0, bins[-1])
    low = np.minimum(source.astype(int), bins[-1] - 1)
    part = source - low
    warped = envelope[:, low] * (1 - part) + envelope[:, low + 1] * part
    moved = np.fft.irfft(spectrum * np.exp(np.clip(warped - envelope, -6, 6)), n=FRAME) * window
    return _overlap_add(moved)[FRAME : FRAME + len(wave)].astype(np.float32)


def _log_envelope(magnitude: np.ndarray) -> np.ndarray:
    cepstrum = np.fft.irfft(np.log(magnitude + 1e-6))
    cepstrum[:, ENVELOPE_COEFFICIENTS : -ENVELOPE_COEFFICIENTS + 1] = 0
    return np.fft.rfft(cepstrum).real


def _overlap_add(frames: np.ndarray) -> np.ndarray:
    total = np.zeros((len(frames) - 1) * HOP + FRAME)
    for lane in range(FRAME // HOP):  # every fourth frame: none overlap, so one reshape places them all
        part = frames[lane :: FRAME // HOP]
        total[lane * HOP : lane * HOP + part.size] += part.reshape(-1)[: len(total) - lane * HOP]
    return total / 1.5  # the sum of squared Hann windows at a quarter of a frame
