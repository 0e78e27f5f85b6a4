"""The decoder's child process: a recording on stdin, float32 PCM (mono, 16 kHz, little endian) on stdout.

Runs alone (``python -I decoder.py MAX_SECONDS``) and imports nothing of voiceprint, so that it starts fast and has
little to lose. A refusal is one JSON object on the last line of stderr, with exit code 2; any other end is a fault.
"""

import io
import json
import resource
import sys
from collections.abc import Iterator

import av

RATE = 16_000
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 50
MIN_RATE, MAX_RATE = 4_000, 384_000
MAX_CHANNELS = 8
# ADPCM and other rare decoders are left out: they are where the holes were.
CONTAINERS = "wav,w64,aiff,flac,ogg,mp3,mov,matroska,aac,au"
CODECS = frozenset(
    {"flac", "vorbis", "libvorbis", "opus", "libopus", "mp3", "mp3float", "mp2", "mp2float", "aac", "alac"}
)


class Refusal(Exception):
    """The code and the sentence that the parent passes on."""


def main() -> None:
    _limit()
    av.logging.set_level(None)
    data = sys.stdin.buffer.read()
    try:
        for chunk in pcm(data, float(sys.argv[1])):
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    except Refusal as refusal:
        code, message = refusal.args
        sys.stderr.write("\n" + json.dumps({"code": code, "message": message}) + "\n")
        sys.exit(2)


def pcm(data: bytes, max_seconds: float) -> Iterator[bytes]:
    """Decode, downmix and resample in one pass, and stop as soon as there is more than may be."""
    try:
        with av.open(io.BytesIO(data), mode="r", options={"format_whitelist": CONTAINERS}) as container:
            yield from _frames(_checked_stream(container), container, max_seconds)
    except av.InvalidDataError as error:
        raise Refusal("not_audio", "This is not a recording that can be read.") from error
    except (av.FFmpegError, ValueError, OSError, EOFError) as error:
        raise Refusal("audio_damaged", "The recording is damaged.") from error
    except MemoryError as error:
        raise Refusal("audio_damaged", "The recording takes too much memory to decode.") from error


def _checked_stream(container: "av.container.InputContainer") -> "av.AudioStream":
    if not container.streams.audio:
        raise Refusal("not_audio", "There is no sound in this file.")
    stream = container.streams.audio[0]
    codec = stream.codec_context
    if codec.name not in CODECS and not codec.name.startswith("pcm_"):
        raise Refusal("audio_unsupported", f"Recordings in {codec.name[:40]} are not supported.")
    if not MIN_RATE <= codec.sample_rate <= MAX_RATE:
        raise Refusal(
            "audio_unsupported", f"A sample rate of {codec.sample_rate} Hz is not between {MIN_RATE} and {MAX_RATE}."
        )
    if not 1 <= codec.channels <= MAX_CHANNELS:
        raise Refusal("audio_unsupported", f"{codec.channels} channels are not between 1 and {MAX_CHANNELS}.")
    return stream


def _frames(stream: "av.AudioStream", container: "av.container.InputContainer", max_seconds: float) -> Iterator[bytes]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    left = int(max_seconds * RATE)
    for frame in _decoded(stream, container):
        for resampled in resampler.resample(frame):
            left -= resampled.samples
            if left < 0:
                raise Refusal("audio_too_long", f"The recording is longer than {max_seconds:.0f} s.")
            yield bytes(resampled.planes[0])[: 4 * resampled.samples]


def _decoded(stream: "av.AudioStream", container: "av.container.InputContainer") -> "Iterator[av.AudioFrame | None]":
    """Every frame, then None to flush the resampler. A recording that breaks off gives what came before the break."""
    count = 0
    try:
        for frame in container.decode(stream):
            frame.pts = None  # timestamps of damaged files jump; the samples follow each other anyway
            count += 1
            yield frame
    except (av.FFmpegError, EOFError):
        if not count:
            raise
    yield None


def _limit() -> None:
    """Little memory, little time, no files, no children, no core dump: set before a byte of input is looked at."""
    for name, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(name, (value, value))


if __name__ == "__main__":
    main()
