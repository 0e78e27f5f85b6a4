"""What telephones and noise take away, measured on tones."""

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceprint.audio.channel_simulation import CHANGES, noisy, opus, telephone
from voiceprint.audio.decoding import SAMPLE_RATE


def tone(hertz: float) -> NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)


def power(samples: NDArray[np.float32]) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def test_a_telephone_carries_the_low_and_not_the_high() -> None:
    assert power(telephone(tone(1000))) == pytest.approx(power(tone(1000)), rel=0.05)
    assert power(telephone(tone(6000))) < 1e-4 * power(tone(6000))


def test_opus_keeps_what_is_heard_and_where_it_is() -> None:
    sweep = tone(300) * np.linspace(0, 1, SAMPLE_RATE, dtype=np.float32)
    heard = opus(sweep)
    assert power(heard) == pytest.approx(power(sweep), rel=0.1)
    assert np.corrcoef(heard, sweep)[0, 1] > 0.9
    assert not np.array_equal(heard, sweep)


def test_noise_is_as_loud_as_asked() -> None:
    clean = tone(440)
    added = noisy(clean, snr_db=10) - clean
    assert 10 * np.log10(power(clean) / power(added)) == pytest.approx(10, abs=0.5)
    assert np.array_equal(noisy(clean), noisy(clean))


@pytest.mark.parametrize("name", list(CHANGES))
def test_every_change_keeps_the_shape(name: str) -> None:
    changed = CHANGES[name](tone(440))
    assert changed.shape == (SAMPLE_RATE,)
    assert changed.dtype == np.dtype(np.float32)
    assert np.abs(changed).max() <= 1
    silence = CHANGES[name](np.zeros(1600, np.float32))
    assert np.isfinite(silence).all()
