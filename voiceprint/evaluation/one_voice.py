"""The homogeneity that all but a few recordings of one speaker reach: below it two people probably speak."""

from collections.abc import Iterable

import numpy as np

from voiceprint.audio.recording import Waveform
from voiceprint.decision.speaker_change import FALSE_ALARMS, MIN_PEOPLE, change_windows, homogeneity
from voiceprint.encoding.encoder import Encoder

__all__ = ["speaker_change_threshold"]


def speaker_change_threshold(encoder: Encoder, pieces: Iterable[Waveform]) -> float | None:
    """From a long piece of each of many speakers; None from too few."""
    found = [homogeneity(encoder.encode_int8(change_windows(piece))) for piece in pieces]
    return float(np.quantile(found, FALSE_ALARMS)) if len(found) >= MIN_PEOPLE else None
