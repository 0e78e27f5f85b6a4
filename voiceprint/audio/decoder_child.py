"""The decoder's child process: a recording on stdin, its channels one after the other on stdout (float32, 16 kHz).

Runs alone (``python -I decoder_child.py``) and imports nothing of voiceprint but the decoding and its walls, so that it
has little to lose. The first process loads FFmpeg, decodes a moment of silence, and then forks, for each recording, a
child behind walls and limits of its own: loading, and what is done the first time, takes longer than decoding. Whatever
a recording does to its child ends with the child. The last line of a child on stderr is one JSON object: FINE and
what was heard, or the refusal; a child that says nothing of the kind has failed. ``python -I decoder_child.py
MAX_SECONDS`` decodes one recording in the first process, without the walls.
"""

import json
import os
import resource
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

import av

if __name__ == "__main__":  # -I leaves this folder out
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from voiceprint.audio.stream_decoding import Decoded, Refusal, decode

FINE = "decoded"
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 50
# Live speech comes first where the cores are busy.
NICENESS = 5


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
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # they are not waited for
    with suppress(Refusal):  # where FFmpeg cannot do this the children say so
        decode(_silence(), max_seconds=1.0)
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
    try:
        said = _write(decode(data, max_seconds))
    except Refusal as refusal:
        code, message = refusal.args
        said = {"code": code, "message": message}
    sys.stderr.write("\n" + json.dumps(said) + "\n")
    sys.stderr.flush()


def _write(decoded: Decoded) -> dict[str, object]:
    """The samples to stdout; what is said about them."""
    for track in decoded.tracks:
        for channel in track.channels:
            sys.stdout.buffer.write(channel)
    sys.stdout.buffer.flush()
    return {
        "code": FINE,
        "tracks": [[track.number, len(track.channels), track.num_samples] for track in decoded.tracks],
        "audio_tracks": decoded.audio_tracks,
        "lost_seconds": decoded.lost_seconds,
        "more_than_said": decoded.more_than_said,
    }


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
