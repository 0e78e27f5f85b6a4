"""Training speech: split by speaker, cut into pieces, cached as one flat file of samples.

A folder of speech is `corpus/speaker/files`. A shard is one corpus in one voice variant: `waves.i16` (all pieces one
after the other, 16 kHz mono), `frames.u8` (what the teacher hears in them, every 20 ms), their `starts.npy` and
`frame_starts.npy`, and `teacher.npy` (one vector a piece, as the teacher gave it). A shard appears under its name only
when it is whole, so that a kill leaves nothing half written.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
# The teacher is converted once for each length, so pieces come in few lengths only; its pooling needs more than 2 s.
PIECE_SECONDS = (2.2, 3.0, 4.0, 5.0)
# The teacher's frames are kept in bytes, this many steps to one; they begin at sample 200, one every 320.
FRAME_SCALE = 50
FRAME_FIRST, FRAME_HOP = 200, 320
SUFFIXES = frozenset({".flac", ".ogg", ".wav", ".mp3", ".opus"})

Wave = NDArray[np.float32]
Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording: its path and its speaker."""

    path: Path
    corpus: str
    speaker: str


@dataclass(frozen=True, slots=True)
class Shard:
    """Pieces of one corpus in one voice variant.

    waves    int16 (num_samples,), memory-mapped: all pieces one after the other
    starts   int64 (num_pieces + 1,): piece i is waves[starts[i] : starts[i + 1]]
    speakers one name a piece: corpus/speaker/variant, as a changed voice is another voice
    held     bool (num_pieces,): speaker kept out of the training
    teacher  float32 (num_pieces, 192), as the teacher gave it (not centred, not unit)
    frames   uint8 (num_frames, channels), memory-mapped: the teacher's frames of all pieces, FRAME_SCALE steps to one
    frame_starts int64 (num_pieces + 1,), as starts
    """

    name: str
    waves: NDArray[np.int16]
    starts: NDArray[np.int64]
    speakers: tuple[str, ...]
    held: NDArray[np.bool_]
    teacher: NDArray[np.float32]
    frames: Frames
    frame_starts: NDArray[np.int64]

    def frames_at(self, piece: int, samples: NDArray[np.int64]) -> Frames:
        """The teacher's frames (n, channels) nearest to samples (n,) of a piece."""
        count = self.frame_starts[piece + 1] - self.frame_starts[piece]
        nearest = np.rint((samples - FRAME_FIRST) / FRAME_HOP).astype(np.int64).clip(0, count - 1)
        return np.asarray(self.frames[self.frame_starts[piece] + nearest])


def list_clips(root: Path) -> list[Clip]:
    """All recordings under root/corpus/speaker/, in a fixed order."""
    paths = sorted(p for p in root.glob("*/*/*") if p.suffix.lower() in SUFFIXES)
    return [Clip(p, p.parent.parent.name, p.parent.name) for p in paths]


def is_held_out(corpus: str, speaker: str, share: float) -> bool:
    """Whether a speaker is held out of training, decided by the name alone."""
    digest = hashlib.sha256(f"held-out/{corpus}/{speaker}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def read_clip(path: Path) -> Wave:
    """Mono float32 (num_samples,) at 16 kHz, without leading and trailing silence, peak 0.5."""
    import soundfile
    from scipy.signal import resample_poly

    wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = wave.mean(1)
    if rate != SAMPLE_RATE:
        common = math.gcd(rate, SAMPLE_RATE)
        mono = resample_poly(mono, SAMPLE_RATE // common, rate // common)
    mono = trim(mono.astype(np.float32))
    return np.asarray(mono / (np.abs(mono).max(initial=0.0) + 1e-6) * 0.5, dtype=np.float32)


def trim(wave: Wave) -> Wave:
    """The wave without leading and trailing silence (25 ms frames 42 dB under the loudest)."""
    frame = SAMPLE_RATE // 40
    count = len(wave) // frame
    if count < 10:
        return wave
    level = 10 * np.log10((wave[: count * frame].reshape(count, frame) ** 2).mean(1) + 1e-10)
    loud = np.flatnonzero(level > max(level.max() - 42, np.percentile(level, 10) + 3))
    return wave[loud[0] * frame : (loud[-1] + 1) * frame] if len(loud) else wave


def cut(wave: Wave) -> list[Wave]:
    """Pieces of PIECE_SECONDS that do not overlap and cover as much of the wave as possible."""
    count = max(1, math.ceil(len(wave) / (max(PIECE_SECONDS) * SAMPLE_RATE * 1.15)))
    room = len(wave) // count
    fitting = [round(s * SAMPLE_RATE) for s in PIECE_SECONDS if round(s * SAMPLE_RATE) <= room]
    return [wave[i * room : i * room + fitting[-1]] for i in range(count)] if fitting else []


def write_shard(
    folder: Path,
    pieces: Sequence[Wave],
    speakers: Sequence[str],
    held: Sequence[bool],
    frames: Sequence[Frames],
    vector: Callable[[Frames], NDArray[np.float32]],
) -> None:
    """Write a shard, whole or not at all; pieces and rows must pair up. `vector`: the teacher's, of its frames."""
    if not len(pieces) == len(speakers) == len(held) == len(frames):
        raise ValueError(f"{len(pieces)} pieces, {len(speakers)} speakers, {len(frames)} rows of frames do not pair up")
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    whole = [np.round(np.clip(piece, -1, 1) * 32767).astype("<i2") for piece in pieces]
    _write_rows(partial / "waves.i16", partial / "starts.npy", whole)
    _write_rows(partial / "frames.u8", partial / "frame_starts.npy", frames)
    np.save(partial / "held.npy", np.asarray(held, dtype=np.bool_))
    np.save(partial / "teacher.npy", np.stack([vector(rows) for rows in frames]).astype(np.float32))
    (partial / "speakers.json").write_text(json.dumps(list(speakers)))
    partial.rename(folder)


def _write_rows(path: Path, starts: Path, parts: Sequence[NDArray[Any]]) -> None:
    with path.open("wb") as file:
        for part in parts:
            file.write(part.tobytes())
    np.save(starts, np.cumsum([0, *map(len, parts)], dtype=np.int64))


def read_shard(folder: Path) -> Shard:
    """Open a shard; the samples and the frames stay on disk."""
    frame_starts = np.load(folder / "frame_starts.npy")
    return Shard(
        name=folder.name,
        waves=np.memmap(folder / "waves.i16", dtype="<i2", mode="r"),
        starts=np.load(folder / "starts.npy"),
        speakers=tuple(json.loads((folder / "speakers.json").read_text())),
        held=np.load(folder / "held.npy"),
        teacher=np.load(folder / "teacher.npy"),
        frames=np.memmap(folder / "frames.u8", dtype=np.uint8, mode="r").reshape(frame_starts[-1], -1),
        frame_starts=frame_starts,
    )


def read_shards(cache: Path) -> Iterator[Shard]:
    """All whole shards of a cache folder, in the order of their names."""
    for folder in sorted(p for p in cache.iterdir() if p.is_dir() and not p.name.endswith(".partial")):
        yield read_shard(folder)
