"""A recording's bytes to sound: every audio track, every channel, whatever can be decoded of it.

Belongs to the decoder's child: of voiceprint it imports only what tells formats and headers apart.
"""

import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Any, cast

import av

from voiceprint.audio.formats import CODEC_OPTION, DECODERS, DEMUXERS, FROM_FIRST, FROM_ZERO, REMEDY, format_of
from voiceprint.audio.track_decoding import RATE, Refusal, TooMuchError, TrackDecoder, check_form
from voiceprint.audio.wav_header import ReadWav, read_wav

__all__ = ["MAX_PIECE_SAMPLES", "RATE", "Decoded", "Piece", "Refusal", "decode", "decode_pieces"]

# Sound in all channels of all tracks together, as a multiple of what one channel may have; beyond it tracks are mixed
# down to one channel, and beyond it again later tracks are left out.
MAX_CHANNEL_SHARE = 2
# What is decoded piece by piece comes out ten seconds at a time.
MAX_PIECE_SAMPLES = 10 * RATE
# A file up to this size is read before it is decoded; of a longer one only MP4, whose index may stand at its end.
WHOLE_BYTES = 1 << 25
# So many times in a row a container may fail to give a packet before what follows is given up.
MAX_FAILURES = 32


@dataclass(slots=True)
class Decoded:
    """``tracks``: those that were decoded. ``audio_tracks``: how many there are. ``lost_seconds``: what did not decode.
    ``more_than_said``: more sound is there than the header says.
    """

    tracks: list[TrackDecoder] = field(default_factory=list)
    audio_tracks: int = 0
    lost_seconds: float = 0.0
    more_than_said: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """The next samples of a track, of each of its channels; ``track``: counted from 1."""

    track: int
    channels: list[bytes]


class _Rest:
    """A file that is read once, from its beginning to its end: what was read of it already, and what is left."""

    def __init__(self, begin: bytes, rest: IO[bytes]) -> None:
        self._begin: IO[bytes] = io.BytesIO(begin)
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        return self._begin.read(size) or self._rest.read(size)


def decode(data: bytes, max_seconds: float) -> Decoded:
    """All that can be heard. Raises Refusal: not_audio, audio_unsupported, audio_damaged, audio_too_long."""
    wav = _mended(data, len(data))
    with _refusing():
        for layout in (None, "mono"):
            with suppress(TooMuchError), _opened(io.BytesIO(wav.data), wav.data) as container:
                return _decode(container, wav, max_seconds, layout)
    raise Refusal("audio_too_long", "The recording has more tracks than can be heard; send one of them.")


def decode_pieces(file: IO[bytes], size: int, max_seconds: float) -> Generator[Piece, None, Decoded]:
    """What can be heard, as it is read; at the end what was not told before, without the sound.

    ``size``: of the file in bytes. Raises Refusal, as ``decode``.
    """
    begin = file.read(WHOLE_BYTES)
    if begin[4:8] == b"ftyp":
        begin += file.read()
    wav = _mended(begin, size)
    source = io.BytesIO(wav.data) if len(begin) == size else _Rest(wav.data, file)
    with _refusing(), _opened(source, wav.data) as container:
        tracks, audio_tracks = _tracks(container, max_seconds, None)
        for track in _filled(container, tracks):
            while track.held >= MAX_PIECE_SAMPLES:
                yield Piece(track.number, track.take_out(MAX_PIECE_SAMPLES))
        for track in tracks.values():
            while track.held:
                yield Piece(track.number, track.take_out(MAX_PIECE_SAMPLES))
        heard = _heard(tracks, audio_tracks, wav)
        return Decoded([], heard.audio_tracks, heard.lost_seconds, heard.more_than_said)


def _mended(data: bytes, size: int) -> ReadWav:
    wav = read_wav(data, size)
    if wav.data[:4] == b"RIFF" and 0 < wav.bits < 8:  # FFmpeg would read them as if they were 8
        raise Refusal("audio_unsupported", f"Recordings with {wav.bits} bits a sample are not supported: {REMEDY}.")
    return wav


@contextmanager
def _refusing() -> Iterator[None]:
    """A context whose faults become refusals."""
    try:
        yield
    except (av.FFmpegError, ValueError, OSError, EOFError, IndexError) as error:  # IndexError: streams that come late
        raise Refusal("audio_damaged", "The recording is damaged.") from error
    except MemoryError as error:
        raise Refusal("audio_damaged", "The recording takes too much memory to decode.") from error


def _opened(file: "_Rest | io.BytesIO", begin: bytes) -> "av.container.InputContainer":
    """The container. Raises Refusal, with the name of the format where it is none of those that are taken."""
    options = {"format_whitelist": DEMUXERS, "codec_whitelist": CODEC_OPTION}
    try:
        return av.open(cast(IO[bytes], file), mode="r", options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise _not_opened(begin) from error


def _decode(container: "av.container.InputContainer", wav: ReadWav, max_seconds: float, layout: str | None) -> Decoded:
    tracks, audio_tracks = _tracks(container, max_seconds, layout)
    most = int(MAX_CHANNEL_SHARE * max_seconds * RATE)
    for _ in _filled(container, tracks):
        if sum(track.num_samples * len(track.channels) for track in tracks.values()) > most:
            raise TooMuchError
    return _heard(tracks, audio_tracks, wav)


def _tracks(
    container: "av.container.InputContainer", max_seconds: float, layout: str | None
) -> tuple[dict[int, TrackDecoder], int]:
    """The tracks that can be decoded, by their index, and how many there are. Raises Refusal where none can."""
    origin = _origin(container)
    audio = container.streams.audio
    refusals = [_refusal_of(stream) for stream in audio]
    tracks = {
        stream.index: TrackDecoder(stream, number, origin=origin, max_seconds=max_seconds, layout=layout)
        for number, (stream, refusal) in enumerate(zip(audio, refusals, strict=True), start=1)
        if refusal is None
    }
    if not tracks:
        raise refusals[0] if refusals and refusals[0] else _without_sound(container)
    return tracks, len(audio)


def _heard(tracks: dict[int, TrackDecoder], audio_tracks: int, wav: ReadWav) -> Decoded:
    """What came of it. Raises Refusal where nothing did."""
    heard = [track for track in tracks.values() if track.num_samples]
    lost = max((track.lost_seconds for track in tracks.values()), default=0.0)
    if not heard and lost:
        raise Refusal("audio_damaged", "The recording is damaged: nothing in it can be decoded.")
    return Decoded(heard, audio_tracks, lost + wav.missing_seconds, wav.more_than_said)


def _origin(container: "av.container.InputContainer") -> float | None:
    """The time stamp of the recording's beginning in seconds; None where time stamps say nothing."""
    names = frozenset(container.format.name.split(","))
    if names & FROM_ZERO:
        return 0.0
    return (container.start_time or 0) / av.time_base if names & FROM_FIRST else None


def _filled(container: "av.container.InputContainer", tracks: dict[int, TrackDecoder]) -> Iterator[TrackDecoder]:
    """Every packet to its track, which is given out after each."""
    for packet in _packets(container, tracks):
        if packet.stream_index in tracks:  # at the end FFmpeg has an empty one for each stream
            tracks[packet.stream_index].take(packet)
            yield tracks[packet.stream_index]
    for track in tracks.values():
        track.finish()
        yield track


def _packets(container: "av.container.InputContainer", tracks: dict[int, TrackDecoder]) -> Iterator["av.Packet[Any]"]:
    """What the container holds; after a fault it goes on behind it."""
    failures = 0
    while failures < MAX_FAILURES:
        try:
            for packet in container.demux([track.stream for track in tracks.values()]):
                failures = 0
                yield packet
        except EOFError:
            return
        except av.FFmpegError:
            failures += 1
        else:
            return


def _refusal_of(stream: "av.AudioStream") -> Refusal | None:
    """Why a track cannot be decoded, None where it can."""
    context = stream.codec_context
    name = context.name if context is not None else "an unknown codec"
    if context is None or name not in DECODERS:
        said = context.codec.long_name if context is not None else name
        return Refusal("audio_unsupported", f"Recordings in {said[:60]} are not supported: {REMEDY}.")
    try:
        if context.sample_rate:  # else it is not known before a frame is decoded
            check_form(context.sample_rate, context.channels)
    except Refusal as refusal:
        return refusal
    return None


def _without_sound(container: "av.container.InputContainer") -> Refusal:
    what = "a video or a picture" if container.streams.video else "nothing that can be heard"
    return Refusal("not_audio", f"There is no sound in this file, only {what}.")


def _not_opened(data: bytes) -> Refusal:
    """What to say about a file that no demuxer took."""
    if data[4:8] == b"ftyp" and b"moov" not in data:
        return Refusal("audio_damaged", "The recording was never finished: its index is missing. Export it once more.")
    found = format_of(data)
    if found is None:
        return Refusal("not_audio", "This is not a recording that can be read; samples alone need a header, as in WAV.")
    name, sounds = found
    if sounds:
        return Refusal("audio_unsupported", f"This recording is {name}, which is not supported: {REMEDY}.")
    return Refusal("not_audio", f"This is not a recording but {name}.")
