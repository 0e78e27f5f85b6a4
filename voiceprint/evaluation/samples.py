"""Folders of speakers, heard and encoded: what evaluations and calibrations are made from.

A speaker is known here by ``<folder of the corpus>/<speaker>``. Embeddings stay in memory.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.channel_simulation import Change
from voiceprint.audio.channels import main_utterance, parties_of
from voiceprint.audio.decoding import read_file
from voiceprint.audio.recording import SAMPLE_RATE, Recording, Waveform
from voiceprint.audio.vad import VoiceActivity
from voiceprint.encoding.encoder import Encoder
from voiceprint.errors import InputError
from voiceprint.service.bulk import Folder, find_folders

__all__ = [
    "ENROLLED_CLIPS",
    "WHOLE",
    "ClipEncoder",
    "Sample",
    "collect",
    "collect_speech",
    "half_in",
    "half_of",
    "long_speech",
]

Samples = NDArray[np.float32]
WHOLE = "whole"
CUTS_SECONDS = (2, 3, 5, 10)
# Longer pieces than most clips are made by joining the clips of one speaker.
JOINED_SECONDS = (5, 10)
# The first clips of a speaker enroll, the others ask; pieces are never joined across that border.
ENROLLED_CLIPS = 3
CLIPS_A_SPEAKER = 12
# A corpus of fewer speakers is not halved: all of it belongs to half 0, where calibrations come from.
FEWEST_HALVED = 30


@dataclass(frozen=True, slots=True)
class Sample:
    """``clips``: which of the speaker's recordings it is made from; ``seconds`` of speech; ``condition``: ``whole``
    (one recording) or ``2 s`` and so on; ``embedding``: unit (dimension,).
    """

    corpus: str
    speaker: str
    clips: tuple[int, ...]
    seconds: float
    condition: str
    embedding: Samples


@dataclass(frozen=True, slots=True)
class ClipEncoder:
    """What turns recordings into embeddings; the limits are those of the service."""

    encoder: Encoder
    activity: VoiceActivity
    max_seconds: float
    max_bytes: int

    def speech(self, path: Path, change: Change | None = None) -> Samples:
        """The speech in a recording (num_samples,). Raises AudioError."""
        recording = read_file(path, max_seconds=self.max_seconds, max_bytes=self.max_bytes)
        if change is not None:
            recording = Recording.of(Waveform(change(recording.first.samples)))
        return main_utterance(parties_of(recording, self.activity)).speech.samples

    def embedding(self, speech: Samples) -> Samples | None:
        """None where there is too little of it."""
        if len(speech) < self.encoder.min_num_samples:
            return None
        row: Samples = self.encoder.encode([Waveform(np.ascontiguousarray(speech))])[0]
        return row


def half_of(speaker: str) -> int:
    """0 or 1, always the same for the same name: to calibrate on one half of the speakers and test on the other."""
    return _number_of(speaker) // 11 % 2


def collect(
    roots: Sequence[Path],
    ear: ClipEncoder,
    *,
    half: int | None = None,
    cut: bool = True,
    clips: int = CLIPS_A_SPEAKER,
    change: Change | None = None,
    unheard: bool = False,
    on_refusal: Callable[[Path, InputError], None],
    on_speaker: Callable[[str], None] = lambda _: None,
) -> list[Sample]:
    """All samples under ``roots/<speaker>/<files>``. With ``cut``, pieces of 2 to 10 s as well as whole recordings.

    ``half``: only that half of the speakers; ``unheard``: with a sample of 0 s for each recording that was refused.
    """
    found: list[Sample] = []
    for root in roots:
        folders = list(find_folders(root, on_refusal=on_refusal))
        for folder in folders:
            speaker = f"{root.name}/{folder.name}"
            if half is None or half_in(speaker, len(folders)) == half:
                spoken = list(_speech(folder, ear, clips, change, on_refusal))
                found.extend(_samples(root.name, speaker, spoken, ear, cut=cut))
                if unheard:
                    refused = min(len(folder.files), clips) - len(spoken)
                    found.extend(_unheard(root.name, speaker, number, ear) for number in range(refused))
                on_speaker(speaker)
    return found


def long_speech(
    roots: Sequence[Path],
    ear: ClipEncoder,
    *,
    half: int | None = None,
    seconds: float = 10.0,
    on_refusal: Callable[[Path, InputError], None],
) -> Iterator[Waveform]:
    """Of each speaker with so much of it, this much speech in one piece, made of several recordings."""
    for root in roots:
        folders = list(find_folders(root, on_refusal=on_refusal))
        for folder in folders:
            if half is not None and half_in(f"{root.name}/{folder.name}", len(folders)) != half:
                continue
            parts: list[Samples] = []
            for speech in _speech(folder, ear, CLIPS_A_SPEAKER, None, on_refusal):
                parts.append(speech)
                if sum(map(len, parts)) >= seconds * SAMPLE_RATE:
                    yield Waveform(np.concatenate(parts)[: int(seconds * SAMPLE_RATE)])
                    break


def collect_speech(
    root: Path, ear: ClipEncoder, *, change: Change | None = None, on_refusal: Callable[[Path, InputError], None]
) -> Iterator[tuple[str, int, Samples]]:
    """The speech of all recordings of a corpus: (speaker, number of the recording, samples)."""
    for folder in find_folders(root, on_refusal=on_refusal):
        for number, speech in enumerate(_speech(folder, ear, CLIPS_A_SPEAKER, change, on_refusal)):
            yield folder.name, number, speech


def half_in(speaker: str, in_corpus: int) -> int:
    """The half of a speaker in a corpus of so many; all of a small corpus are in half 0."""
    return half_of(speaker) if in_corpus >= FEWEST_HALVED else 0


def _number_of(speaker: str) -> int:
    return int(hashlib.sha256(speaker.encode()).hexdigest(), 16)


def _speech(
    folder: Folder, ear: ClipEncoder, clips: int, change: Change | None, on_refusal: Callable[[Path, InputError], None]
) -> Iterator[Samples]:
    """Some recordings of a speaker; which ones does not depend on when they were made."""
    chosen = sorted(folder.files, key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())
    for path in chosen[:clips]:
        try:
            yield ear.speech(path, change)
        except InputError as error:
            on_refusal(path, error)


def _samples(corpus: str, speaker: str, spoken: Sequence[Samples], ear: ClipEncoder, *, cut: bool) -> Iterator[Sample]:
    for clips, condition, speech in _pieces(spoken, cut=cut):
        embedding = ear.embedding(speech)
        if embedding is not None:
            yield Sample(corpus, speaker, clips, len(speech) / SAMPLE_RATE, condition, embedding)


def _unheard(corpus: str, speaker: str, number: int, ear: ClipEncoder) -> Sample:
    return Sample(corpus, speaker, (CLIPS_A_SPEAKER + number,), 0.0, WHOLE, np.zeros(ear.encoder.dimension, np.float32))


def _pieces(spoken: Sequence[Samples], *, cut: bool) -> Iterator[tuple[tuple[int, ...], str, Samples]]:
    for number, speech in enumerate(spoken):
        yield (number,), WHOLE, speech
        for seconds in CUTS_SECONDS if cut else ():
            spare = len(speech) - seconds * SAMPLE_RATE
            if spare >= 0:
                yield (number,), f"{seconds} s", speech[spare // 2 : spare // 2 + seconds * SAMPLE_RATE]
    if cut:
        yield from _joined(spoken, range(ENROLLED_CLIPS, len(spoken)))
        yield from _joined(spoken, range(min(ENROLLED_CLIPS, len(spoken))))


def _joined(spoken: Sequence[Samples], numbers: range) -> Iterator[tuple[tuple[int, ...], str, Samples]]:
    taken: list[int] = []
    for number in numbers:
        taken.append(number)
        if len(taken) < 2:
            continue
        speech = np.concatenate([spoken[at] for at in taken])
        for seconds in JOINED_SECONDS:
            if len(speech) >= seconds * SAMPLE_RATE:
                yield tuple(taken), f"{seconds} s", speech[: seconds * SAMPLE_RATE]
        if len(speech) >= max(JOINED_SECONDS) * SAMPLE_RATE:
            taken = []
