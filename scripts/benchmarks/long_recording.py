"""Time and memory of a recording of some hours, made by repeating a file, decoded as it is read.

    python -m scripts.benchmarks.long_recording FILE [--hours 1] [--encoder NAME] [--light]

Needs the fetched segmentation. --light puts random embeddings in the place of the encoder and loudness in that of the
segmentation, so that what is left is the engine: its memory must not grow with the hours. One JSON object on stdout.
"""

import argparse
import json
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, read_file
from voiceprint.audio.recording_stream import RecordingStream
from voiceprint.config import load_settings
from voiceprint.encoding.encoder import Encoder
from voiceprint.service.diarization_stream import diarize_stream
from voiceprint.service.factory import open_service
from voiceprint.service.service import VoiceprintService

Samples = NDArray[np.float32]
DIMENSION = 192


class LightEncoder(Encoder):
    """Eight random voices."""

    def __init__(self) -> None:
        self.id, self.fingerprint, self.accuracy, self.runtime = "light", "0" * 64, "", "none"
        self.dimension, self.sample_rate, self.min_num_samples = DIMENSION, SAMPLE_RATE, SAMPLE_RATE // 2
        self._random = np.random.default_rng(0)
        self._voices = self._random.normal(size=(8, DIMENSION))

    def encode(self, waveforms: Sequence[Waveform]) -> Samples:
        rows = self._voices[self._random.integers(0, 8, len(waveforms))]
        rows = rows + 0.4 * self._random.normal(size=rows.shape)
        unit: Samples = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def encode_int8(self, waveforms: Sequence[Waveform]) -> Samples:
        return self.encode(waveforms)


class LightSegmentation:
    """One speaker wherever it is loud."""

    def probabilities(self, windows: Samples) -> Samples:
        frames = max(1, (windows.shape[1] - 991) // 270 + 1)
        cut = windows[:, : frames * 270].reshape(len(windows), -1, 270)
        loud = np.square(cut).mean(2) > 1e-5
        heard = np.zeros((*loud.shape, 7), np.float32)
        heard[..., 0], heard[..., 1] = ~loud, loud
        return heard


def peak_megabytes() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def repeated(samples: Samples, hours: float) -> tuple[Iterator[bytes], int]:
    """A WAV of so many hours, chunk by chunk, and its size. Each half hour its peak is said on stderr."""
    pcm = (samples * 32767).astype("<i2").tobytes()
    times = max(1, round(hours * 3600 * SAMPLE_RATE * 2 / len(pcm)))
    size = times * len(pcm)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form + struct.pack("<4sI", b"data", size)

    def chunks() -> Iterator[bytes]:
        yield head
        sent, said = 0, 0
        for _ in range(times):
            for at in range(0, len(pcm), 1 << 20):
                yield pcm[at : at + (1 << 20)]
                sent += len(pcm[at : at + (1 << 20)])
                if (half := sent // (1800 * 2 * SAMPLE_RATE)) > said:
                    said = half
                    print(f"{half / 2} h: {peak_megabytes()} MB", file=sys.stderr, flush=True)

    return chunks(), size + len(head)


def measured(service: VoiceprintService, samples: Samples, hours: float) -> dict[str, float | int]:
    chunks, size = repeated(samples, hours)
    began, cpu = time.monotonic(), time.process_time()
    with RecordingStream(chunks, size=size, max_seconds=13 * 3600.0) as recording:
        found, heard = diarize_stream(service, recording)
    return {
        "hours": round(heard / 3600, 3),
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "cpu_hours_an_hour": round((time.process_time() - cpu) / heard, 4),
        "peak_megabytes": peak_megabytes(),
        "decoder_peak_megabytes": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "turns": len(found.turns),
        "voices": len(found.voices),
    }


def main() -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--encoder")
    parser.add_argument("--light", action="store_true")
    args = parser.parse_args()
    samples = read_file(args.file, max_seconds=3600, max_bytes=1 << 30).first.samples
    with tempfile.TemporaryDirectory() as folder:
        environ = {"VOICEPRINT_KEY_FILE": f"{folder}/master.key"}
        settings = load_settings({"data": Path(folder) / "index", "encoder": args.encoder})
        with open_service(settings, environ=environ, encoder=LightEncoder() if args.light else None) as service:
            if args.light:
                service.segmentation = LightSegmentation()  # type: ignore[assignment]  # the same question
            print(json.dumps(measured(service, samples, args.hours)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
