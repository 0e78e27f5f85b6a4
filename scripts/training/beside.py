"""The student's probes against the teacher's templates, as live guesses meet them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from .batches import unit
from .data import SAMPLE_RATE, Wave
from .watch import equal_error_rate

Vectors = NDArray[np.float32]
Encode = Callable[[Wave], Vectors]


def strong_encoder(folder: Path) -> Encode:
    """A function from a clip (num_samples,) to the unit embedding of the service's own runtime."""
    import os

    from voiceprint.audio.decoding import Waveform
    from voiceprint.encoding.encoder import Encoder
    from voiceprint.encoding.export_cache import default_cache
    from voiceprint.encoding.model_folder import ModelFolder

    encoder = Encoder.load(ModelFolder.open(folder), runtime="auto", cache=default_cache(os.environ))
    return lambda wave: np.asarray(encoder.encode([Waveform(wave)])[0])


def middle(wave: Wave, seconds: float) -> Wave:
    """The middle `seconds` of a clip, or all of it where it is shorter."""
    start = max(0, (len(wave) - round(seconds * SAMPLE_RATE)) // 2)
    return wave[start : start + round(seconds * SAMPLE_RATE)]


def kept(file: Path, encode: Encode, waves: Sequence[Wave]) -> Vectors:
    """The embeddings (n, d), read from `file` where they were made before."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, np.stack([encode(wave) for wave in waves]))
    found: Vectors = np.load(file)
    return unit(found)


def trial_clips(scorer: ModuleType, folder: Path, seconds: float) -> tuple[list[str], list[Wave]]:
    """Speakers and whole waves of the clips that are at least so long."""
    found = [(s, w) for s, _, w in scorer.clips(folder) if len(w) >= seconds * SAMPLE_RATE]
    return [s for s, _ in found], [w for _, w in found]


def compare(student: Vectors, strong: Vectors, template: Vectors, speakers: Sequence[str]) -> Mapping[str, float]:
    """Both encoders' probes (n, d) against the strong one's templates (n, d), a row a clip; no clip meets itself.

    `apart` is the standard deviation of the difference of the scores, `shift` its mean, for pairs of one speaker and
    of two.
    """
    names = np.array(speakers)
    other = ~np.eye(len(names), dtype=bool)
    same = (names[:, None] == names[None])[other]
    drafted, own = (student @ template.T)[other], (strong @ template.T)[other]
    apart = drafted - own
    return {
        "clips": len(names),
        "cosine": float((student * strong).sum(1).mean()),
        "eer": equal_error_rate(drafted, same),
        "strong_eer": equal_error_rate(own, same),
        "apart": float(apart.std()),
        "apart_same": float(apart[same].std()),
        "apart_other": float(apart[~same].std()),
        "shift_same": float(apart[same].mean()),
        "shift_other": float(apart[~same].mean()),
    }
