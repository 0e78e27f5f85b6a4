"""Spoiled recordings of every format that is taken, to the decoder's child: each is sound or one refusal.

    python tests/robustness/decoder_fuzz.py COUNT [--seed 0] [--seeds FOLDER]

The recordings are made by PyAV; FOLDER holds further ones (as tests/robustness/forms.py makes them). Prints one JSON
object; exit code 1 after anything but a recording or a refusal, or an answer that took longer than MOST_SECONDS.
``broken_off``: children that died of an input, as they may; the server goes on.
"""

import argparse
import io
import json
import random
import resource
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import av
import numpy as np

from voiceprint.audio.decoding import decode
from voiceprint.errors import AudioError

MOST_SECONDS = 20.0
MAX_SECONDS, MAX_BYTES = 20.0, 2**20
RATE = 16_000
BROKEN_OFF = "The recording cannot be decoded."
# Container and codec, as PyAV can write them.
SEEDS = (
    ("wav", "pcm_s16le"), ("wav", "pcm_f32le"), ("wav", "adpcm_ima_wav"), ("wav", "adpcm_ms"), ("wav", "pcm_alaw"),
    ("w64", "pcm_s16le"), ("aiff", "pcm_s16be"), ("caf", "alac"), ("au", "pcm_s16be"), ("flac", "flac"),
    ("ogg", "libopus"), ("mp3", "libmp3lame"), ("mp2", "mp2"), ("adts", "aac"), ("mp4", "aac"), ("mp4", "alac"),
    ("matroska", "libopus"), ("webm", "libopus"), ("avi", "libmp3lame"), ("avi", "pcm_s16le"), ("asf", "wmav2"),
    ("asf", "wmav1"), ("flv", "aac"), ("mpegts", "aac"), ("mpegts", "mp2"), ("ac3", "ac3"), ("eac3", "eac3"),
    ("wv", "wavpack"), ("tta", "tta"), ("voc", "pcm_u8"), ("mpeg", "mp2"),
)  # fmt: skip


def made(container: str, codec: str) -> bytes | None:
    """A second of sound, None where this build of FFmpeg cannot write it."""
    times = np.arange(RATE) / RATE
    sound = (0.4 * np.sin(2 * np.pi * 300 * times) + np.random.default_rng(0).normal(scale=0.05, size=RATE)).astype(
        "f4"
    )
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format=container) as output:
            rate = 44_100 if container in ("flv", "mpeg") else RATE
            stream = output.add_stream(codec, rate=rate, layout="mono", options={"strict": "-2"})
            assert isinstance(stream, av.AudioStream)
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate = RATE
            resampler = av.AudioResampler(stream.format.name, "mono", rate, frame_size=stream.frame_size or 0)
            for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(stream.encode(resampled))
            output.mux(stream.encode(None))
    except (av.FFmpegError, ValueError, AssertionError):
        return None
    return buffer.getvalue()


def spoiled(data: bytes, rng: random.Random) -> bytes:
    """The recording with bytes changed, lost, doubled or swapped, most often near its beginning."""
    spoilt = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        if not spoilt:
            break
        near = rng.random() < 0.6
        at = rng.randrange(min(len(spoilt), 256) if near else len(spoilt))
        match rng.randrange(6):
            case 0:
                spoilt[at] = rng.randrange(256)
            case 1:
                spoilt[at] ^= 1 << rng.randrange(8)
            case 2:
                spoilt[at : at + 4] = rng.choice(
                    (b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff", b"\x00\x00\x00\x01")
                )
            case 3:
                del spoilt[at : at + rng.randrange(1, 200)]
            case 4:
                spoilt[at:at] = spoilt[at : at + rng.randrange(1, 200)]
            case 5:
                del spoilt[at + rng.randrange(len(spoilt)) :]
    return bytes(spoilt)


def seeds(folder: Path | None) -> dict[str, bytes]:
    found = {f"{container}/{codec}": data for container, codec in SEEDS if (data := made(container, codec))}
    for path in sorted(folder.iterdir()) if folder else ():
        if path.is_file() and path.stat().st_size <= MAX_BYTES:
            found[path.name] = path.read_bytes()
    return found


def run(count: int, seed: int, folder: Path | None) -> dict[str, object]:
    rng, given = random.Random(seed), seeds(folder)
    answers: Counter[str] = Counter()
    crashes: list[str] = []
    broken_off: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        name = rng.choice(list(given))
        data = given[name]
        if rng.random() < 0.1:  # two recordings joined
            data += given[rng.choice(list(given))]
        began = time.monotonic()
        try:
            decode(spoiled(data, rng), max_seconds=MAX_SECONDS, max_bytes=2 * MAX_BYTES + 1000)
            answers["heard"] += 1
        except AudioError as error:
            answers[error.code] += 1
            broken_off[name] += error.message == BROKEN_OFF
        except Exception:  # noqa: BLE001 - whatever it is, it is what we look for
            crashes.append(f"input {number} ({name}): {traceback.format_exc(limit=-3)}")
        slowest = max(slowest, time.monotonic() - began)
    return {
        "inputs": count,
        "formats": len(given),
        "answers": dict(answers),
        "broken_off": {name: times for name, times in broken_off.items() if times},
        "crashes": crashes[:10],
        "slowest_seconds": round(slowest, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=Path)
    args = parser.parse_args()
    done = run(args.count, args.seed, args.seeds)
    print(json.dumps(done, indent=1))
    return int(bool(done["crashes"]) or float(str(done["slowest_seconds"])) > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
