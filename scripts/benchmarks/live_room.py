"""What a room costs and how far behind it is told, by a file said into it.

    python -m scripts.benchmarks.live_room FILE [--seconds 300] [--encoder NAME]

Needs the fetched segmentation. One JSON object on stdout: seconds of a core for each second heard and for each look,
seconds from the end of the last turn told to now, where somebody speaks to the end of the file, and MiB of memory.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from voiceprint.api.desk import Desk
from voiceprint.api.recording_desk import RecordingDesk
from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, read_file
from voiceprint.audio.live_recording import PIECE_SAMPLES, LiveRecording
from voiceprint.audio.recording import Recording
from voiceprint.config import load_settings
from voiceprint.domain.caller import OPERATOR
from voiceprint.service.factory import open_service
from voiceprint.service.service import VoiceprintService


def pieces(path: Path, seconds: float) -> Iterator[Waveform]:
    """The file, again and again, as it comes from a microphone."""
    once = read_file(path, max_seconds=3600.0, max_bytes=2**30).first.samples
    whole = np.resize(once, int(seconds * SAMPLE_RATE))
    for at in range(0, len(whole), PIECE_SAMPLES):
        yield Waveform(whole[at : at + PIECE_SAMPLES])


def measured(service: VoiceprintService, sounds: Iterator[Waveform]) -> dict[str, float]:
    """The figures of one room."""
    job = RecordingDesk(Desk(service, clock=time.monotonic), service).open_room(OPERATOR)
    room = LiveRecording(max_seconds=service.settings.max_recording_seconds)
    looks, behind, heard = list[float](), list[float](), 0.0
    for sound in sounds:
        room.put(sound)
        piece = room.read()
        assert piece is not None  # what was put is enough for one
        began = time.process_time()
        for _ in job.hear(piece) if heard else job.begin(Recording.of(sound), room):
            pass
        looks.append(time.process_time() - began)
        heard += sound.seconds
        found = job.timeline()
        behind += [heard - found.turns[-1].end_seconds] if found and found.turns else []
    return {
        "core": sum(looks) / heard,
        "look_p50": float(np.median(looks)),
        "look_p95": float(np.percentile(looks, 95)),
        "look_most": max(looks),
        "behind_p50": float(np.median(behind)),
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--encoder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({"data": Path(folder) / "index", "encoder": args.encoder})
        environ = {"VOICEPRINT_KEY_FILE": str(Path(folder) / "master.key")}
        with open_service(settings, environ=environ) as service:
            service.warm_up()
            if service.segmentation is None:
                print("The segmentation is not there: voiceprint models fetch.", file=sys.stderr)
                return 3
            found = measured(service, pieces(args.file, args.seconds))
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
