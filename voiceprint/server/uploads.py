"""Request bodies into memory, within limits.

aiohttp's own reader spools large uploads to the temporary folder.
"""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.http import HttpProcessingError

from voiceprint.audio.channels import Choice
from voiceprint.errors import InputError, LimitError
from voiceprint.server.context import RECORDING
from voiceprint.server.limits import UploadSlot, slot_of

__all__ = ["CHOICE", "Upload", "choice_of", "read_body", "read_upload"]

STALL_SECONDS = 30.0
MAX_FIELD_BYTES = 16 * 1024
MAX_PARTS = 64
# Outside of what the parts hold: boundaries, and heads of a few lines.
MAX_LINES = 16 * MAX_PARTS
MAX_CHOICE = 99
_CHUNK = 64 * 1024
_EXPECTED = "The multipart body cannot be read: send each recording as a part of multipart/form-data named 'audio'."
# Fields, or query parameters, that say which part of a recording to hear.
CHOICE = ("track", "channel")


@dataclass(slots=True)
class Upload:
    """Audio files, and the text fields beside them."""

    files: list[bytes] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def only_file(self) -> bytes:
        """Raises InputError where there is not exactly one."""
        if len(self.files) != 1:
            raise InputError("one_file", f"Send exactly one audio file, as the field 'audio', not {len(self.files)}.")
        return self.files[0]


async def read_upload(request: web.Request, *, max_bytes: int, sound: str = "audio") -> Upload:
    """The audio of a request: the raw body, or the parts of multipart/form-data named as ``sound`` says."""
    _refuse_coding(request)
    slot = slot_of(request)
    slot.expect()
    upload = await _read(request, max_bytes, sound)
    slot.work()
    RECORDING.set(True)
    return upload


async def _read(request: web.Request, max_bytes: int, sound: str) -> Upload:
    try:
        async with asyncio.timeout(STALL_SECONDS + max_bytes / 1_000_000):
            if request.content_type.startswith("multipart/"):
                content = cast(StreamReader, _FewLines(request.content))
                return await _read_parts(MultipartReader(request.headers, content), slot_of(request), max_bytes, sound)
            return Upload(files=[await _read_raw(request, max_bytes)])
    except TimeoutError as error:
        raise InputError("stalled", "The body stopped coming.") from error
    except (ValueError, HttpProcessingError) as error:
        raise InputError("bad_multipart", _EXPECTED) from error


class _FewLines:
    """The content of a multipart body. Its parser would read what comes before the first part without an end."""

    def __init__(self, content: StreamReader) -> None:
        self._content = content
        self._left = MAX_LINES

    def __getattr__(self, name: str) -> object:
        return getattr(self._content, name)

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        """As the content has it. Raises ValueError where boundaries and heads of parts have too many lines."""
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many lines")
        return await self._content.readline(max_line_length=max_line_length)


def choice_of(request: web.Request, upload: Upload) -> Choice:
    """The track and the channel that are asked for. Raises InputError (``bad_choice``)."""
    return Choice(**{name: _counted(name, upload.fields.get(name) or request.query.get(name)) for name in CHOICE})


def _counted(name: str, given: str | None) -> int | None:
    """A number from 1 on."""
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:4]) <= MAX_CHOICE:
        raise InputError("bad_choice", f"{name} must be a number between 1 and {MAX_CHOICE}, not {given!r:.20}.")
    return int(given)


async def read_body(request: web.Request) -> bytes:
    """A small body, such as JSON."""
    _refuse_coding(request)
    try:
        async with asyncio.timeout(STALL_SECONDS):
            return await _read_raw(request, MAX_FIELD_BYTES)
    except TimeoutError as error:
        raise InputError("stalled", "The body stopped coming.") from error


def _refuse_coding(request: web.Request) -> None:
    """A compressed body hides its size; audio gains nothing from it."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise InputError("bad_encoding", "Send the body without Content-Encoding.")


async def _read_raw(request: web.Request, max_bytes: int) -> bytes:
    if request.content_length is not None and request.content_length > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK):
        slot_of(request).hold(len(chunk))
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


async def _read_parts(reader: MultipartReader, slot: UploadSlot, max_bytes: int, sound: str) -> Upload:
    upload, left = Upload(), max_bytes
    for _ in range(MAX_PARTS):
        part = await reader.next()
        if part is None:
            return upload
        if not isinstance(part, BodyPartReader) or not part.name:
            raise InputError("bad_multipart", "Every part needs a name, such as 'audio', and no parts of its own.")
        if part.name == sound:
            upload.files.append(await _read_part(part, slot, left, max_bytes))
            left -= len(upload.files[-1])
        elif part.filename is not None:
            raise InputError("unknown_field", f"A file came as {part.name!r:.40}; send recordings as {sound!r}.")
        elif part.name in upload.fields:
            raise InputError("bad_multipart", f"The field {part.name!r:.40} came twice.")
        else:
            value = await _read_part(part, slot, MAX_FIELD_BYTES, MAX_FIELD_BYTES)
            upload.fields[part.name] = _text(part.name, value)
    raise InputError("bad_multipart", f"More than {MAX_PARTS} parts came in one request.")


async def _read_part(part: BodyPartReader, slot: UploadSlot, left: int, max_bytes: int) -> bytes:
    body = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        slot.hold(len(chunk))
        body += chunk
        if len(body) > left:
            raise _too_large(max_bytes)
    return bytes(body)


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InputError("bad_multipart", f"The field {name!r:.40} is not text in UTF-8.") from error


def _too_large(max_bytes: int) -> LimitError:
    return LimitError(
        "body_too_large",
        f"The body has more than the {max_bytes} bytes that are taken.",
    )
