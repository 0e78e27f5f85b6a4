"""The decoder's child process: a recording on stdin, 32 bit PCM (mono, 16 kHz, native order) on stdout.

Runs alone (``python -I decoder.py``) and imports nothing of voiceprint but its walls, so that it has little to lose.
The first process loads FFmpeg, decodes a moment of silence of its own, and then forks, for each recording, a child
behind walls and limits of its own: loading, and what is done the first time, takes longer than decoding. Whatever a
recording does to its child ends with the child. The last line that a child says on stderr is one JSON object: FINE, or
the refusal; a child that says nothing of the kind has failed. ``python -I decoder.py MAX_SECONDS`` decodes one
recording in the first process, without the walls.
"""

import io
import json
import math
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av

RATE = 16_000
FINE = "decoded"
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 50
MIN_RATE, MAX_RATE = 4_000, 384_000
MAX_CHANNELS = 8
# Samples of all channels: what CDs in surround sound have; silence at 192 kHz in 8 channels packs into nothing.
MOST_A_SECOND = 6 * 48_000
# Live speech comes first where the cores are busy.
NICENESS = 5
# Recordings in floating point may go beyond full scale; not by this much.
MAX_LEVEL = 100.0
# ADPCM and other rare decoders are left out: they are where the holes were.
CONTAINERS = "wav,w64,aiff,flac,ogg,mp3,mov,matroska,aac,au"
CODECS = frozenset(
    {"flac", "vorbis", "libvorbis", "opus", "libopus", "mp3", "mp3float", "mp2", "mp2float", "aac", "alac"}
)


class Refusal(Exception):
    """The code and the sentence that the parent passes on."""


def main() -> None:
    av.logging.set_level(None)
    if len(sys.argv) > 1:
        _answer(float(sys.argv[1]), frozenset())
    else:
        _fork_for_each(socket.socket(fileno=0))


def _fork_for_each(control: socket.socket) -> None:
    """Until the parent is gone: a message holds the seconds that a recording may have, and three descriptors that
    become the child's stdin, stdout and stderr. The answer is a descriptor to end the child with, if it still runs.
    Before the first message the walls that can be had here are told, with a blank between them.
    """
    from voiceprint.audio.decoder_walls import enter_empty_folder, standing_walls

    os.nice(NICENESS)
    walls = standing_walls()
    enter_empty_folder()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with suppress(Refusal):  # where FFmpeg cannot do this the children say so
        for _ in pcm(_silence(), max_seconds=1.0):
            pass
    control.sendall(" ".join(["walls", *sorted(walls)]).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 64, 3)
        if not message:
            return
        child = os.fork()
        if child == 0:
            _be_child(float(message), descriptors, walls)
        for descriptor in descriptors:
            os.close(descriptor)
        try:
            handle = os.pidfd_open(child)
        except ProcessLookupError:
            control.sendall(b"gone")
        else:
            socket.send_fds(control, [b"runs"], [handle])
            os.close(handle)


def _silence() -> bytes:
    """A hundredth of a second, in a form that takes resampling and a downmix."""
    rate, channels, size = 44_100, 2, 2
    data = bytes(rate // 100 * channels * size)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * channels * size, channels * size, 8 * size)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _be_child(max_seconds: float, descriptors: list[int], walls: frozenset[str]) -> None:
    """Never returns: what comes after it belongs to the first process."""
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)  # 0 was the way to the parent
        os.closerange(3, max(descriptors) + 1)
        _answer(max_seconds, walls)
    finally:
        os._exit(1)


def _answer(max_seconds: float, walls: frozenset[str]) -> None:
    """Decode what comes on stdin, behind these walls or not at all."""
    _limit()
    if walls:
        from voiceprint.audio.decoder_walls import raise_walls

        if raise_walls() < walls:
            return
    data = sys.stdin.buffer.read()
    code, message = FINE, ""
    try:
        for chunk in pcm(data, max_seconds):
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    except Refusal as refusal:
        code, message = refusal.args
    sys.stderr.write("\n" + json.dumps({"code": code, "message": message}) + "\n")
    sys.stderr.flush()


def pcm(data: bytes, max_seconds: float) -> Iterator[bytes]:
    """Decode, downmix and resample in one pass, and stop as soon as there is more than may be."""
    _check_header(data)
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
    # Integers, because the downmix is scaled to stay within range only for those.
    resampler = av.AudioResampler(format="s32", layout="mono", rate=RATE)
    left, work = int(max_seconds * RATE), int(max_seconds * MOST_A_SECOND)
    floating = stream.codec_context.name.startswith("pcm_f")
    for frame in _decoded(stream, container):
        if floating and frame is not None:
            _check_samples(frame)
        work -= 0 if frame is None else frame.samples * len(frame.layout.channels)
        if work < 0:
            raise Refusal("audio_too_long", "The recording is too long for its sample rate and channels.")
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


def _check_samples(frame: "av.AudioFrame") -> None:
    """Floating point can hold what is no sound; everything else cannot."""
    for plane in frame.planes:
        samples = memoryview(plane).cast("d" if frame.format.bytes == 8 else "f")
        if not (math.isfinite(sum(samples)) and min(samples) >= -MAX_LEVEL and max(samples) <= MAX_LEVEL):
            raise Refusal("audio_damaged", "The recording holds samples that cannot be sound.")


def _check_header(data: bytes) -> None:
    """FFmpeg reads a WAV file of less than 8 bits a sample as if it had 8."""
    at = data.find(b"fmt ", 12, 4096)
    if data[:4] in (b"RIFF", b"RF64") and at >= 0 and len(data) >= at + 24:
        tag, bits = struct.unpack_from("<H", data, at + 8)[0], struct.unpack_from("<H", data, at + 22)[0]
        if tag == 1 and bits < 8:
            raise Refusal("audio_unsupported", f"Recordings with {bits} bits a sample are not supported.")


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
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
