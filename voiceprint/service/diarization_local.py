"""Local speakers: in each window of ten seconds up to three, when each speaks, and embeddings of what each says.

Windows overlap, so that each moment is looked at several times (Bredin, "pyannote.audio 2.1 speaker diarization
pipeline", Interspeech 2023). A local speaker is cut to pieces, each with an embedding of its own: where two
people's turns do not touch, the segmentation often takes them for one. Which pieces are one person is decided later.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.recording import SAMPLE_RATE, Waveform
from voiceprint.encoding.segmentation import FIRST_FRAME_SAMPLES, FRAME_SAMPLES, POWERSET, WINDOW_SAMPLES

__all__ = [
    "FRAME_SECONDS",
    "HOP_FRAMES",
    "HOP_SAMPLES",
    "WINDOW_FRAMES",
    "Piece",
    "Window",
    "WindowCutter",
    "windows_of",
]

Samples = NDArray[np.float32]
Segment = Callable[[Samples], Samples]
Encode = Callable[[Sequence[Waveform]], Samples]

# A whole number of frames, so that the frames of all windows are the same ones.
HOP_FRAMES = 148
HOP_SAMPLES = HOP_FRAMES * FRAME_SAMPLES
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
WINDOW_FRAMES = 589
# More in one call take memory and no less time.
BATCH_WINDOWS = 4
ACTIVE = 0.5
# A pause as long as this ends a piece; longer pieces are cut evenly.
GAP_FRAMES, PIECE_FRAMES = 12, 240


@dataclass(frozen=True, slots=True)
class Piece:
    """Speech of one local speaker, alone as long as there is any such. ``first``, ``last``: frames of the window.

    ``speech``: as long as it was used, empty afterwards.
    """

    slot: int
    first: int
    last: int
    seconds: float
    embedding: Samples
    speech: Samples


@dataclass(frozen=True, slots=True)
class Window:
    """``number``: begins at frame ``number * HOP_FRAMES``; ``activity``: (frames, 3), 0 to 255 for never to surely."""

    number: int
    activity: NDArray[np.uint8]
    pieces: tuple[Piece, ...]

    def holders(self) -> NDArray[np.intp]:
        """(frames, 3): the number of the piece that whatever a local speaker says there belongs to, the nearest one;
        -1 for none.
        """
        holders = np.full(self.activity.shape, -1)
        ends: dict[int, int] = {}
        for number, piece in enumerate(self.pieces):
            begin = (ends[piece.slot] + piece.first) // 2 if piece.slot in ends else 0
            holders[begin:, piece.slot] = number
            ends[piece.slot] = piece.last
        return holders

    def at_once(self) -> Samples:
        """(pieces, pieces): in how many frames two are spoken at once, by different speakers; on the diagonal those of
        each piece.
        """
        heard = np.where(self.activity >= 255 * ACTIVE, self.holders(), -1)
        frames = np.zeros((len(self.pieces) + 1,) * 2, np.float32)
        for slot, other in product(range(heard.shape[1]), repeat=2):
            np.add.at(frames, (heard[:, slot], heard[:, other]), 1)
        return frames[:-1, :-1]


def windows_of(first: int, batch: Samples, segment: Segment, encode: Encode, *, min_samples: int) -> list[Window]:
    """The windows of a batch (n, samples), the first of which has the number ``first``.

    ``segment``: probabilities (n, frames, 7) of windows (n, samples); ``encode``: unit embeddings of speech that has
    at least ``min_samples``.
    """
    activity = segment(batch) @ POWERSET.astype(np.float32)
    return [
        Window(
            first + at,
            np.round(active * 255).astype(np.uint8),
            tuple(_pieces(active >= ACTIVE, samples, encode, min_samples)),
        )
        for at, (active, samples) in enumerate(zip(activity, batch, strict=True))
    ]


class WindowCutter:
    """Batches of windows, as number of the first one and samples (n, samples), of sound that comes in any pieces."""

    def __init__(self, batch_windows: int = BATCH_WINDOWS) -> None:
        self._batch_windows = batch_windows
        self._rest = np.zeros(0, np.float32)
        self._number = 0

    def cut(self, chunk: Waveform) -> Iterator[tuple[int, Samples]]:
        """The batches that are whole with the next sound."""
        self._rest = np.concatenate([self._rest, chunk.samples])
        while len(self._rest) >= WINDOW_SAMPLES + (self._batch_windows - 1) * HOP_SAMPLES:
            yield self._take(self._batch_windows)

    @property
    def waiting(self) -> Samples:
        """What is in no window yet, and what comes before it in the next one."""
        return self._rest

    def rest(self) -> Iterator[tuple[int, Samples]]:
        """What is left at the end; the last window may be shorter."""
        whole = max(0, (len(self._rest) - WINDOW_SAMPLES) // HOP_SAMPLES + 1)
        if whole:
            yield self._take(whole)
        if len(self._rest) and not (whole and len(self._rest) <= WINDOW_SAMPLES - HOP_SAMPLES):
            yield self._number, self._rest[None]
        self._rest = self._rest[:0]

    def _take(self, count: int) -> tuple[int, Samples]:
        first, batch = self._number, _cut(self._rest, count)
        self._number += count
        self._rest = self._rest[count * HOP_SAMPLES :]
        return first, batch


def _cut(samples: Samples, count: int) -> Samples:
    return np.stack([samples[at * HOP_SAMPLES : at * HOP_SAMPLES + WINDOW_SAMPLES] for at in range(count)])


def _pieces(active: NDArray[np.bool_], samples: Samples, encode: Encode, min_samples: int) -> Iterator[Piece]:
    alone = active & (active.sum(1, keepdims=True) == 1)
    for slot in np.flatnonzero(active.any(0)).tolist():
        frames = np.flatnonzero(alone[:, slot] if alone[:, slot].any() else active[:, slot])
        for run in np.split(frames, np.flatnonzero(np.diff(frames) > GAP_FRAMES) + 1):
            for piece in np.array_split(run, -(-len(run) // PIECE_FRAMES)):
                speech = _speech(samples, piece)
                if not len(speech):
                    continue
                # A word alone is said again until it is long enough: a poor embedding, for a choice among the clusters.
                said = Waveform(np.resize(speech, max(len(speech), min_samples)))
                seconds = len(piece) * FRAME_SECONDS
                yield Piece(slot, int(piece[0]), int(piece[-1]) + 1, seconds, encode([said])[0], speech)


def _speech(samples: Samples, frames: NDArray[np.intp]) -> Samples:
    """The samples of these frames; a frame is cut where the window ends."""
    at = FIRST_FRAME_SAMPLES + frames[:, None] * FRAME_SAMPLES + np.arange(FRAME_SAMPLES)
    speech: Samples = samples[at[at < len(samples)]]
    return speech
