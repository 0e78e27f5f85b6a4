"""Is a recording answered the same alone, in a batch, and while others are asked about at once?

    python tests/robustness same FOLDER [--clips 1000] [--json]         # FOLDER/<speaker>/<recordings>

Every second speaker is enrolled with three recordings in a store of its own; everything else is asked about, one after
another, in batches of eight, and by eight threads at once. Prints the largest change of a cosine (an embedding with
itself) and how many decisions differ.
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import Waveform, read_file
from voiceprint.config import Settings
from voiceprint.errors import InputError
from voiceprint.service.factory import open_service
from voiceprint.service.results import EncodedUtterance
from voiceprint.service.service import VoiceprintService

ENROLLED, AT_ONCE = 3, 8
Vector = NDArray[np.float32]


def waveforms(folder: Path, settings: Settings) -> Iterator[Waveform]:
    for path in sorted(folder.iterdir()):
        try:
            yield read_file(path, max_seconds=settings.max_audio_seconds, max_bytes=settings.max_upload_bytes).first
        except InputError:
            continue


def enroll(service: VoiceprintService, name: str, clips: Sequence[Waveform]) -> None:
    try:
        service.enroll_new(name, [service.admit(service.listen(clip)) for clip in clips])
    except InputError:
        return  # strangers serve as well


def probes(service: VoiceprintService, root: Path, most: int) -> list[Waveform]:
    """Those that hold speech enough to be encoded."""
    found: list[Waveform] = []
    for number, folder in enumerate(path for path in sorted(root.iterdir()) if path.is_dir()):
        clips = waveforms(folder, service.settings)
        if number % 2 == 0:
            enroll(service, folder.name, list(itertools.islice(clips, ENROLLED)))
        found += [clip for clip in clips if service.hear(clip).embedding is not None]
        if len(found) >= most:
            break
    return found[:most]


def decide(service: VoiceprintService, voice: EncodedUtterance) -> tuple[str, str | None]:
    decision = service.identify(voice).decision
    return decision.status, decision.speaker_id


def in_batches(service: VoiceprintService, alone: Sequence[EncodedUtterance]) -> list[EncodedUtterance]:
    found = []
    for batch in _batches(alone):
        rows = service.encoder.encode([voice.utterance.speech for voice in batch])
        found += [replace(voice, embedding=row) for voice, row in zip(batch, rows, strict=True)]
    return found


def compare(service: VoiceprintService, clips: Sequence[Waveform]) -> dict[str, object]:
    alone = [service.hear(clip) for clip in clips]
    decided = [decide(service, voice) for voice in alone]
    batched = in_batches(service, alone)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        loaded = list(pool.map(service.hear, clips))
        together = list(pool.map(lambda voice: decide(service, voice), loaded))
    return {
        "clips": len(clips),
        "enrolled": service.count(),
        "named": sum(status == "identified" for status, _ in decided),
        "batch_change": _change(alone, batched),
        "load_change": _change(alone, loaded),
        "batch_differs": sum(a != decide(service, b) for a, b in zip(decided, batched, strict=True)),
        "load_differs": sum(a != b for a, b in zip(decided, together, strict=True)),
    }


def _batches(voices: Sequence[EncodedUtterance]) -> Iterator[Sequence[EncodedUtterance]]:
    return (voices[at : at + AT_ONCE] for at in range(0, len(voices), AT_ONCE))


def _change(first: Sequence[EncodedUtterance], second: Sequence[EncodedUtterance]) -> float:
    """The largest 1 - cosine of what two ways made of the same clips."""
    rows = [(a.embedding, b.embedding) for a, b in zip(first, second, strict=True)]
    return max(1.0 - float(a.astype(np.float64) @ b) for a, b in rows if a is not None and b is not None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keys = {"VOICEPRINT_KEY_FILE": str(Path(folder) / "master.key")}
        with open_service(Settings(data=Path(folder) / "index"), environ=keys) as service:
            found = compare(service, probes(service, args.folder, args.clips))
    print(json.dumps(found) if args.json else "\n".join(f"{name:14} {value}" for name, value in found.items()))
    raise SystemExit(1 if found["batch_differs"] or found["load_differs"] else 0)
