"""Bulk enrollment from files to the durable store, against loops over single recordings."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from benchmarks.hearing import read
from benchmarks.timing import Figures, clocked
from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.audio.vad import VoiceActivity, listen
from voiceprint.domain.speaker import Enrollment
from voiceprint.encoding.speechbrain_runtime import SpeechBrainRuntime
from voiceprint.service.bulk import Folder, enroll_folders
from voiceprint.service.service import VoiceprintService

__all__ = ["measure_bulk"]

# Speakers in one turn of each way, at most.
TURN = 5


def measure_bulk(
    services: Sequence[VoiceprintService], reference: SpeechBrainRuntime, folders: Sequence[Folder], cores: int
) -> Figures:
    """Ratios of clips a second: ``bulk`` and ``bulk_same_parts``, over a plain loop.

    The plain loop decodes in its own process, finds the speech as Silero's page shows and calls ``encode_batch``; that
    of ``bulk_same_parts`` has our decoder and our detector.

    ``services``: three, each with a store of its own. A few speakers each in turn, torch with all cores.
    """
    ours, plain, same = services
    plainly = _PlainSpeech()
    ways: list[Callable[[list[Folder]], object]] = [
        lambda some: list(enroll_folders(ours, some, on_refusal=lambda *_: None)),
        lambda some: _one_after_another(plain, reference, plainly, some),
        lambda some: _one_after_another(same, reference, _our_speech(VoiceActivity.load()), some),
    ]
    torch.set_num_threads(cores)
    seconds, clips = [0.0] * len(ways), [0] * len(ways)
    size = max(1, min(TURN, len(folders) // len(ways)))
    for number, at in enumerate(range(0, len(folders), size)):
        some, turn = list(folders[at : at + size]), number % len(ways)
        seconds[turn] += clocked(lambda: ways[turn](some))  # noqa: B023
        clips[turn] += sum(len(folder.files) for folder in some)
    rate, plain_rate, same_rate = (count / took if took else None for count, took in zip(clips, seconds, strict=True))
    return {
        "bulk": _ratio(rate, plain_rate),
        "bulk_same_parts": _ratio(rate, same_rate),
        "bulk_clips_per_s": rate,
        "bulk_plain_clips_per_s": plain_rate,
        "bulk_same_parts_clips_per_s": same_rate,
    }


def _ratio(one: float | None, other: float | None) -> float | None:
    """None where there were too few speakers for each way to have a turn."""
    return one / other if one is not None and other else None


Speech = Callable[[Path], "np.ndarray[tuple[int], np.dtype[np.float32]]"]


class _PlainSpeech:
    """Decoding and speech detection in this process, as the packages' pages show it."""

    def __init__(self) -> None:
        from silero_vad import collect_chunks, get_speech_timestamps, load_silero_vad

        self._model: Any = load_silero_vad()
        self._spans, self._collect = get_speech_timestamps, collect_chunks

    def __call__(self, path: Path) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        audio = torch.from_numpy(_decoded(path))
        spans = self._spans(audio, self._model, sampling_rate=SAMPLE_RATE)
        return np.asarray(self._collect(spans, audio)) if spans else np.zeros(0, np.float32)


def _our_speech(activity: VoiceActivity) -> Speech:
    return lambda path: listen(read(path), activity).speech.samples


def _decoded(path: Path) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    with av.open(str(path)) as container:
        frames = [each for frame in container.decode(audio=0) for each in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def _one_after_another(
    service: VoiceprintService, reference: SpeechBrainRuntime, hear: Speech, folders: list[Folder]
) -> None:
    """Enroll recordings one by one with encode_batch, with one write a speaker."""
    for folder in folders:
        made = []
        for path in folder.files:
            speech = hear(path)
            if len(speech) >= SAMPLE_RATE // 2:
                raw = reference.embed(speech)
                made.append(Enrollment.new(raw / np.linalg.norm(raw), len(speech) / SAMPLE_RATE))
        if made:
            service.store.add_speaker(folder.name, made)
