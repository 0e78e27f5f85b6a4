"""The decoder's child process: a recording on stdin, its channels one after the other on stdout (float32, 16 kHz).

Runs alone (``python -I decoder_child.py``) and imports nothing of voiceprint but the decoding and its walls, so that it
has little to lose. The first process loads FFmpeg, decodes a moment of silence, and then forks, for each recording, a
child behind walls and limits of its own: loading, and what is done the first time, takes longer than decoding. Whatever
a recording does to its child ends with the child. The last line of a child on stderr is one JSON object: FINE and
what was heard, or the refusal; a child that says nothing of the kind has failed. Where the size of the file is given,
it is decoded piece by piece as it comes: before each piece on stdout are its track, channels and samples a channel
(PIECE_FORM). ``python -I decoder_child.py MAX_SECONDS [SIZE]`` decodes one recording in the first process, without the
walls.
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

from voiceprint.audio.stream_decoding import Decoded, Refusal, decode, decode_pieces

FINE = "decoded"
PIECE_FORM = "<BBI"
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 50
# What is decoded piece by piece may take this much of its own length.
CPU_SHARE = 0.05
# Live speech comes first where the cores are busy.
NICENESS = 5


def main() -> None:
    av.logging.set_level(None)
    if len(sys.argv) > 1:
        _answer(" ".join(sys.argv[1:]), frozenset())
    else:
        _fork_for_each(socket.socket(fileno=0))


def _fork_for_each(control: socket.socket) -> None:
    """Until the parent is gone: a message holds the seconds that a recording may have, its size where it comes piece by
    piece, and three descriptors that become the child's stdin, stdout and stderr. The answer is the child's id and a
    descriptor to end it with, if it still runs. Before the first message the walls that can be had here are told, with
    a blank between them.
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
            _be_child(message.decode(), descriptors, walls)
        for descriptor in descriptors:
            os.close(descriptor)
        try:
            handle = os.pidfd_open(child)
        except ProcessLookupError:
            control.sendall(b"gone")
        else:
            socket.send_fds(control, [str(child).encode()], [handle])
            os.close(handle)


def _silence() -> bytes:
    """A hundredth of a second, in a form that takes resampling and a downmix."""
    rate, channels, size = 44_100, 2, 2
    data = bytes(rate // 100 * channels * size)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * channels * size, channels * size, 8 * size)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _be_child(asked: str, descriptors: list[int], walls: frozenset[str]) -> None:
    """Never returns: what comes after it belongs to the first process."""
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)  # 0 was the way to the parent
        os.closerange(3, max(descriptors) + 1)
        _answer(asked, walls)
    finally:
        os._exit(1)


def _answer(asked: str, walls: frozenset[str]) -> None:
    """Decode what comes on stdin, behind these walls or not at all. ``asked``: seconds, and the size for pieces."""
    seconds, *size = asked.split()
    max_seconds = float(seconds)
    _limit(max(CPU_SECONDS, int(CPU_SHARE * max_seconds)) if size else CPU_SECONDS)
    if walls:
        from voiceprint.audio.decoder_walls import raise_walls

        if raise_walls() < walls:
            return
    try:
        if size:
            said = _described(_write_pieces(int(size[0]), max_seconds))
        else:
            decoded = decode(sys.stdin.buffer.read(), max_seconds)
            _write(decoded)
            said = _described(decoded)
    except Refusal as refusal:
        code, message = refusal.args
        said = {"code": code, "message": message}
    sys.stderr.write("\n" + json.dumps(said) + "\n")
    sys.stderr.flush()


def _write(decoded: Decoded) -> None:
    for track in decoded.tracks:
        for channel in track.channels:
            sys.stdout.buffer.write(channel)
    sys.stdout.buffer.flush()


def _write_pieces(size: int, max_seconds: float) -> Decoded:
    """What is said at the end. Each piece is flushed: the parent waits for it."""
    pieces = decode_pieces(sys.stdin.buffer, size, max_seconds)
    while True:
        try:
            piece = next(pieces)
        except StopIteration as end:
            decoded: Decoded = end.value
            return decoded
        samples = len(piece.channels[0]) // struct.calcsize("f")
        sys.stdout.buffer.write(struct.pack(PIECE_FORM, piece.track, len(piece.channels), samples))
        for channel in piece.channels:
            sys.stdout.buffer.write(channel)
        sys.stdout.buffer.flush()


def _described(decoded: Decoded) -> dict[str, object]:
    return {
        "code": FINE,
        "tracks": [[track.number, len(track.channels), track.num_samples] for track in decoded.tracks],
        "audio_tracks": decoded.audio_tracks,
        "lost_seconds": decoded.lost_seconds,
        "more_than_said": decoded.more_than_said,
    }


def _limit(cpu_seconds: int) -> None:
    """Little memory, little time, no files, no children, no core dump: set before a byte of input is looked at."""
    for name, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(name, (value, value))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
