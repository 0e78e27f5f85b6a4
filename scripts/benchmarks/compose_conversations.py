"""Conversations composed from a folder of speakers, with RTTM: the same from the same seed.

    python -m scripts.benchmarks.compose_conversations FOLDER OUT [--count 12] [--overlap 0.1] [--seed 0]

FOLDER holds SPEAKER/recordings. OUT/enroll/SPEAKER gets two recordings of each speaker who is to be enrolled, half of
them, and OUT/talks the conversations of 2 to 8 speakers, none with a recording that was enrolled. Turns last 1 to 15 s,
pauses 0.2 to 1 s; a third of the conversations is in a room, all have some noise.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.channel_simulation import noisy
from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, read_file
from voiceprint.audio.segmenter import Segment
from voiceprint.audio.vad import VoiceActivity, listen

__all__ = ["Spoken", "compose", "write_rttm"]

Samples = NDArray[np.float32]
ENROLLED_CLIPS, MIN_CLIPS = 2, 5
TURN_SECONDS, PAUSE_SECONDS, OVERLAP_SECONDS = (1.0, 15.0), (0.2, 1.0), (0.3, 3.0)
# Shares of turns that begin before the turn before has ended, for a share of overlap in the speech: measured.
TURNS_PER_OVERLAP = 3.5
ROOM_SECONDS, SNR_DB = (0.2, 0.5), (12.0, 30.0)
# A pause longer than this within a recording ends a line of the RTTM.
WITHIN_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Spoken:
    """A speaker's span of speech, in seconds from the beginning of the conversation."""

    start: float
    end: float
    speaker: str


def compose(
    clips: Sequence[tuple[str, Samples]], rng: np.random.Generator, activity: VoiceActivity, *, overlap: float
) -> tuple[Samples, list[Spoken]]:
    """The conversation of these turns in order, and what is spoken in it."""
    placed: list[tuple[int, Samples]] = []
    spoken: list[Spoken] = []
    end = 0.0
    for number, (speaker, samples) in enumerate(clips):
        early = number and rng.random() < overlap * TURNS_PER_OVERLAP
        most = float(np.clip(0.4 * len(samples) / SAMPLE_RATE, *OVERLAP_SECONDS))
        begins = max(0.0, end - rng.uniform(OVERLAP_SECONDS[0], most) if early else end + rng.uniform(*PAUSE_SECONDS))
        before = spoken[-1].start if spoken else 0.0
        at = max(begins, before + 0.2)
        placed.append((int(at * SAMPLE_RATE), samples))
        spoken += [Spoken(at + part.start, at + part.end, speaker) for part in _parts(samples, activity)]
        end = max(end, at + len(samples) / SAMPLE_RATE)
    mixed = np.zeros(max(at + len(samples) for at, samples in placed) + SAMPLE_RATE // 2, np.float32)
    for position, samples in placed:
        mixed[position : position + len(samples)] += samples
    return _degraded(mixed, rng), spoken


def write_rttm(path: Path, spoken: Sequence[Spoken]) -> None:
    lines = [
        f"SPEAKER {path.stem} 1 {one.start:.3f} {one.end - one.start:.3f} <NA> <NA> {one.speaker} <NA> <NA>\n"
        for one in sorted(spoken, key=lambda one: one.start)
    ]
    path.write_text("".join(lines), encoding="utf-8")


def _parts(samples: Samples, activity: VoiceActivity) -> list[Segment]:
    joined: list[Segment] = []
    for part in listen(Waveform(samples), activity).segments:
        if joined and part.start - joined[-1].end < WITHIN_SECONDS:
            joined[-1] = Segment(joined[-1].start, part.end)
        else:
            joined.append(part)
    return joined


def _degraded(samples: Samples, rng: np.random.Generator) -> Samples:
    if rng.random() < 1 / 3:
        decay = rng.uniform(*ROOM_SECONDS)
        time = np.arange(int(decay * SAMPLE_RATE)) / SAMPLE_RATE
        echo = rng.normal(size=len(time)) * 10 ** (-3 * time / decay) * 0.06
        echo[0] = 1.0
        size = len(samples) + len(echo)
        heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(echo, size), size)
        samples = heard[: len(samples)].astype(np.float32)
    loudest = float(np.abs(samples).max())
    return noisy((samples * (0.7 / loudest)).astype(np.float32), snr_db=rng.uniform(*SNR_DB))


def _turns(
    speakers: Sequence[str], clips: dict[str, list[Path]], rng: np.random.Generator, activity: VoiceActivity
) -> Iterator[tuple[str, Samples]]:
    """Each speaker's recordings, cut to turns, in an order where none follows itself."""
    left = {speaker: list(clips[speaker]) for speaker in speakers}
    last = ""
    while able := [speaker for speaker in speakers if left[speaker] and speaker != last]:
        last = able[int(rng.integers(len(able)))]
        samples = read_file(left[last].pop(), max_seconds=600, max_bytes=1 << 26).first.samples
        heard = listen(Waveform(samples), activity).segments
        if heard:
            begin = int(heard[0].start * SAMPLE_RATE)
            most = int(rng.uniform(*TURN_SECONDS) * SAMPLE_RATE)
            turn = samples[begin : min(begin + most, int(heard[-1].end * SAMPLE_RATE))]
            yield last, turn * np.float32(0.1 / max(1e-4, float(np.sqrt(np.mean(turn**2)))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--overlap", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    clips = {folder.name: sorted(folder.iterdir()) for folder in sorted(args.folder.iterdir()) if folder.is_dir()}
    able = [speaker for speaker, found in clips.items() if len(found) >= MIN_CLIPS]
    enrolled = set(rng.permutation(able)[: len(able) // 2].tolist())
    for speaker in sorted(enrolled):
        (args.out / "enroll" / speaker).mkdir(parents=True, exist_ok=True)
        for path in clips[speaker][:ENROLLED_CLIPS]:
            (args.out / "enroll" / speaker / path.name).write_bytes(path.read_bytes())
    _write_talks(args, rng, {speaker: clips[speaker][ENROLLED_CLIPS:] for speaker in able}, enrolled)


def _write_talks(
    args: argparse.Namespace, rng: np.random.Generator, clips: dict[str, list[Path]], enrolled: set[str]
) -> None:
    import soundfile

    activity = VoiceActivity.load()
    (args.out / "talks").mkdir(parents=True, exist_ok=True)
    known, unknown = sorted(enrolled), sorted(clips.keys() - enrolled)
    for number in range(args.count):
        size = 2 + number % 7
        named = size // 2 + (size % 2 and number % 2)
        speakers = [*rng.permutation(known)[:named].tolist(), *rng.permutation(unknown)[: size - named].tolist()]
        turns = list(_turns(speakers, clips, rng, activity))
        samples, spoken = compose(turns, rng, activity, overlap=args.overlap)
        path = args.out / "talks" / f"talk{number:02d}-{size}.flac"
        soundfile.write(path, samples, SAMPLE_RATE)
        write_rttm(path.with_suffix(".rttm"), spoken)
        print(f"{path.name}: {len(samples) / SAMPLE_RATE:.0f} s, {named} of {size} enrolled, {len(turns)} turns")


if __name__ == "__main__":
    main()
