"""WAV files whose header does not say what is there: what is there is read.

Belongs to the decoder's child: imports nothing of voiceprint.
"""

import struct
from dataclasses import dataclass

__all__ = ["ReadWav", "read_wav"]

# A tag or rubbish in front of the recording is no longer than a picture in a tag.
MAX_PREFIX = 1 << 20
# From here on a size says that the writer did not know it.
_UNKNOWN_SIZE = 0x7FFF0000


@dataclass(frozen=True, slots=True)
class ReadWav:
    """``data``: the file with a header that fits. ``more_than_said``: sound that the header denied is in it.
    ``missing_seconds``: what the header promised and is not there. ``bits``: of a sample of plain PCM, else 0.
    """

    data: bytes
    more_than_said: bool = False
    missing_seconds: float = 0.0
    bits: int = 0


def read_wav(data: bytes, size: int | None = None) -> ReadWav:
    """The recording with a header that can be believed; anything else comes back as it is.

    ``size``: of the whole file in bytes, where ``data`` is only its beginning.
    """
    behind = (len(data) if size is None else size) - len(data)
    data = _from_riff(data)
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return ReadWav(data)
    rate, bits = 0, 0
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        if name == b"fmt " and at + 24 <= len(data):
            tag, _, _, rate, _, bits = struct.unpack_from("<HHIIHH", data, at + 8)
            bits = bits if tag == 1 else 0
        if name == b"data":
            return _checked(data, at, length, rate, bits, behind)
        at += 8 + length + length % 2
    return ReadWav(data, bits=bits)


def _checked(data: bytes, at: int, size: int, byte_rate: int, bits: int, behind: int) -> ReadWav:
    """The file whose ``data`` chunk stands at ``at`` and says that it has ``size`` bytes; ``behind``: not seen yet."""
    there = len(data) - at - 8 + behind
    if size >= _UNKNOWN_SIZE or there == size:
        return ReadWav(data, bits=bits)
    if size > there:
        missing = (size - there) / byte_rate if byte_rate else 0.0
        return ReadWav(data, missing_seconds=missing, bits=bits)
    if _is_chunk(data, at + 8 + size + size % 2, behind):
        return ReadWav(data, bits=bits)
    mended = bytearray(data)
    struct.pack_into("<I", mended, 4, min(len(data) + behind - 8, _UNKNOWN_SIZE))
    struct.pack_into("<I", mended, at + 4, min(there, _UNKNOWN_SIZE))
    return ReadWav(bytes(mended), more_than_said=True, bits=bits)


def _is_chunk(data: bytes, at: int, behind: int) -> bool:
    """Whether another chunk stands there, or no more than what pads a file."""
    if len(data) + behind - at < 64:
        return True
    if at + 8 > len(data):  # not seen yet: no chunk behind the sound is as long as this
        return len(data) + behind - at < MAX_PREFIX
    name, size = struct.unpack_from("<4sI", data, at)
    return all(32 <= byte < 127 for byte in name) and size <= len(data) - at - 8


def _from_riff(data: bytes) -> bytes:
    """From where a WAV file begins: some recorders and taggers put a tag in front of it."""
    at = data.find(b"RIFF", 0, MAX_PREFIX)
    is_behind_tag = data[:3] == b"ID3" or not any(data[: max(at, 0)])
    return data[at:] if at > 0 and is_behind_tag and data[at + 8 : at + 12] == b"WAVE" else data
