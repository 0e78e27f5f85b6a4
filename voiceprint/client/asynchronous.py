"""The asynchronous client: REST and the WebSocket of a voiceprint server.

::

    async with VoiceprintClient("http://127.0.0.1:5678") as client:
        answer = await client.identify(Path("unknown.ogg").read_bytes())
        async for message in client.stream(frames, mode="identify"):
            ...
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from io import BytesIO
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import msgspec

from voiceprint.api.messages import (
    PROTOCOL_VERSION,
    ChangeInfo,
    Consent,
    Enrolled,
    Error,
    Forgotten,
    Hello,
    KnownAbout,
    Merged,
    Ready,
    Result,
    Room,
    ServerMessage,
    SpeakerInfo,
    SpeakerList,
    Start,
    Stop,
    StreamMode,
    Takes,
    Undoable,
    Undone,
    Unlocked,
    decode_server,
    encode,
)
from voiceprint.api.recording_messages import MoveTurn, RecordingJob, ThatWas
from voiceprint.api.timeline_messages import Timeline
from voiceprint.client.refusal import RefusedError, refused
from voiceprint.errors import MessageError

__all__ = ["ServerHealth", "VoiceprintClient"]

Answer = TypeVar("Answer")
View = TypeVar("View", bound=msgspec.Struct)
CONNECT_SECONDS = 10.0


class ServerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a server. Without a token that it takes it says nothing but ``ready`` and ``version``."""

    ready: bool
    version: str
    encoder: str | None = None
    speakers: int | None = None


class VoiceprintClient:
    """Use as an asynchronous context manager.

    ``token``: where the server requires one; ``tls``: the trusted certificates; ``timeout``: seconds that the server
    may say nothing. Every method raises RefusedError, TimeoutError, and aiohttp.ClientError where the server cannot be
    reached.
    """

    def __init__(
        self, url: str, *, token: str | None = None, tls: ssl.SSLContext | None = None, timeout: float = 60.0
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._tls: ssl.SSLContext | bool = True if tls is None else tls
        self._timeout = timeout
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(timeout, CONNECT_SECONDS), sock_read=timeout),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def identify(self, recording: bytes, *, top_k: int = 5, groups: Sequence[str] = ()) -> Result:
        """The speaker of a recording (any common format), or unknown."""
        query = [("top_k", str(top_k)), *(("group", group) for group in groups)]
        return await self._ask(Result, "POST", "/v1/identify", data=recording, params=query)

    async def timeline(self, recording: bytes, *, groups: Sequence[str] = ()) -> Timeline:
        """The turns of a recording, each with its speaker."""
        query = [("group", group) for group in groups]
        return _view(Timeline, await self._fetch("POST", "/v1/timeline", data=recording, params=query))

    async def send_recording(self, recording: bytes, *, groups: Sequence[str] = ()) -> RecordingJob:
        """A recording of any length, heard as a job; ask for it until its state is ``done`` or ``failed``."""
        query = [("group", group) for group in groups]
        body = await self._fetch("POST", "/v1/recordings", data=BytesIO(recording), params=query)
        return _view(RecordingJob, body)

    async def recording(self, job_id: str) -> RecordingJob:
        """How far a recording is heard, and its timeline so far."""
        return _view(RecordingJob, await self._fetch("GET", f"/v1/recordings/{job_id}"))

    async def name_voice(self, job_id: str, voice: int, wanted: ThatWas) -> RecordingJob:
        """The recording after a person said whose one of its voices is."""
        path = f"/v1/recordings/{job_id}/voices/{voice}"
        return _view(RecordingJob, await self._fetch("POST", path, data=msgspec.json.encode(wanted)))

    async def move_turn(self, job_id: str, turn: int, wanted: MoveTurn) -> RecordingJob:
        """The recording after a person said whose one of its turns is; they are counted from 1."""
        path = f"/v1/recordings/{job_id}/turns/{turn}"
        return _view(RecordingJob, await self._fetch("POST", path, data=msgspec.json.encode(wanted)))

    async def undo_name(self, job_id: str) -> RecordingJob:
        """The recording without what was said last of its voices."""
        return _view(RecordingJob, await self._fetch("POST", f"/v1/recordings/{job_id}/undo"))

    async def forget_recording(self, job_id: str) -> None:
        """Cancel a recording, and forget its voices."""
        await self._fetch("DELETE", f"/v1/recordings/{job_id}")

    async def verify(self, speaker_id: str, recording: bytes) -> Result:
        """Whether it is the claimed speaker."""
        return await self._ask(Result, "POST", "/v1/verify", data=recording, params={"speaker": speaker_id})

    async def enroll(
        self,
        name: str,
        recordings: Sequence[bytes],
        *,
        consent: Consent | None = None,
        groups: Sequence[str] = (),
        force: bool = False,
    ) -> Enrolled:
        """A new speaker, in these groups. ``force``: also from recordings that do not agree; for operators."""
        query = [("group", group) for group in groups]
        form = _form(recordings, consent, force, name=name)
        return await self._ask(Enrolled, "POST", "/v1/speakers", data=form, params=query)

    async def enroll_more(
        self, speaker_id: str, recordings: Sequence[bytes], *, consent: Consent | None = None, force: bool = False
    ) -> Enrolled:
        """More recordings of an enrolled speaker. ``force``: also what sounds like another voice; for operators."""
        form = _form(recordings, consent, force)
        return await self._ask(Enrolled, "POST", f"/v1/speakers/{speaker_id}/enrollments", data=form)

    async def speakers(self, *, groups: Sequence[str] = ()) -> tuple[SpeakerInfo, ...]:
        """The enrolled speakers, by name."""
        query = [("group", group) for group in groups]
        return (await self._ask(SpeakerList, "GET", "/v1/speakers", params=query)).speakers

    async def rename(self, speaker_id: str, name: str) -> SpeakerInfo:
        """Another name for a speaker."""
        return await self._ask(SpeakerInfo, "PATCH", f"/v1/speakers/{speaker_id}", data=json.dumps({"name": name}))

    async def set_groups(self, speaker_id: str, groups: Sequence[str]) -> SpeakerInfo:
        """The speaker in these groups and no others that the token may meet."""
        body = json.dumps({"groups": list(groups)})
        return await self._ask(SpeakerInfo, "PATCH", f"/v1/speakers/{speaker_id}", data=body)

    async def takes(self, speaker_id: str) -> Takes:
        """The recordings of a speaker, oldest first, and how each fits the others."""
        return await self._ask(Takes, "GET", f"/v1/speakers/{speaker_id}/enrollments")

    async def remove_take(self, speaker_id: str, take_id: str) -> Takes:
        """The recordings that are left without this one."""
        return await self._ask(Takes, "DELETE", f"/v1/speakers/{speaker_id}/enrollments/{take_id}")

    async def confirm_take(self, speaker_id: str, take_id: str) -> Takes:
        """The recordings of the speaker, of which this one, which another token brought, decides from now on."""
        return await self._ask(Takes, "POST", f"/v1/speakers/{speaker_id}/enrollments/{take_id}/confirm")

    async def merge(self, speaker_id: str, other_id: str, *, force: bool = False) -> Merged:
        """Two entries of one person as one, which keeps the first id. ``force``: also where the voices differ."""
        body = json.dumps({"from": other_id, "force": force})
        return await self._ask(Merged, "POST", f"/v1/speakers/{speaker_id}/merge", data=body)

    async def last_change(self) -> ChangeInfo | None:
        """The change that ``undo`` would take back now; None where there is none."""
        return (await self._ask(Undoable, "GET", "/v1/undo")).change

    async def undo(self, change_id: str | None = None) -> ChangeInfo:
        """The change that was taken back: the last one. With an id, only where that is still the last one."""
        body = json.dumps({"change": change_id})
        return (await self._ask(Undone, "POST", "/v1/undo", data=body)).change

    async def health(self) -> ServerHealth:
        """Whether the server can answer, with which encoder, among how many speakers."""
        return _view(ServerHealth, await self._fetch("GET", "/readyz"))

    async def known_about(self, speaker_id: str) -> KnownAbout:
        """Everything held about a person, for that person."""
        return await self._ask(KnownAbout, "GET", f"/v1/speakers/{speaker_id}/export")

    async def forget(self, speaker_id: str) -> Forgotten:
        """Destroy a voiceprint; the answer holds the receipt."""
        return await self._ask(Forgotten, "DELETE", f"/v1/speakers/{speaker_id}")

    async def unlock(self, speaker_id: str) -> Unlocked:
        """Let an id be claimed again after too many wrong claims."""
        return await self._ask(Unlocked, "DELETE", f"/v1/speakers/{speaker_id}/lock")

    async def stream(
        self,
        frames: AsyncIterable[bytes],
        *,
        mode: StreamMode = "identify",
        encoding: str = "pcm_s16le",
        sample_rate: int = 16_000,
        **start: Any,  # noqa: ANN401 - fields of Start
    ) -> AsyncIterator[ServerMessage]:
        """The messages about one live utterance, from ``ready`` to the final Result or Enrolled.

        ``frames``: audio as it comes, 16 bit PCM at 16 kHz unless ``encoding`` and ``sample_rate`` say otherwise.
        ``start``: further fields of Start.
        """
        silence = aiohttp.ClientWSTimeout(ws_receive=self._timeout, ws_close=CONNECT_SECONDS)
        async with self._http.ws_connect(f"{self._url}/ws", ssl=self._tls, timeout=silence) as socket:
            await socket.send_str(encode(Hello(version=PROTOCOL_VERSION, token=self._token)))
            yield _expect(Ready, decode_server(await socket.receive_str()))
            await socket.send_str(encode(Start(mode=mode, encoding=encoding, sample_rate=sample_rate, **start)))
            speaking = asyncio.create_task(_speak(socket, frames))
            try:
                async for frame in socket:
                    message = decode_server(frame.data)
                    if isinstance(message, Error):
                        raise RefusedError(message.code, message.message)
                    yield message
                    if isinstance(message, Enrolled) or (isinstance(message, Result | Room) and message.final):
                        return
                # The socket is closed: by ``_speak``, because the frames failed, or by the server.
                ended, _ = await asyncio.wait((speaking,), timeout=1.0)
                for task in ended:
                    task.result()
                raise RefusedError("connection_lost", "The server closed the connection before its last word.")
            finally:
                speaking.cancel()

    async def _ask(self, kind: type[Answer], method: str, path: str, **request: Any) -> Answer:  # noqa: ANN401 - aiohttp's
        body = await self._fetch(method, path, **request)
        try:
            return _expect(kind, decode_server(body.decode(errors="replace")))
        except MessageError as error:
            raise RefusedError("unexpected_answer", error.message) from error

    async def _fetch(self, method: str, path: str, **request: Any) -> bytes:  # noqa: ANN401 - aiohttp's
        async with self._http.request(method, f"{self._url}{path}", ssl=self._tls, **request) as response:
            body = await response.read()
            if response.status >= 400:
                raise refused(body, response)
            return body


async def _speak(socket: aiohttp.ClientWebSocketResponse, frames: AsyncIterable[bytes]) -> None:
    try:
        async for frame in frames:
            await socket.send_bytes(frame)
        await socket.send_str(encode(Stop()))
    except Exception:
        await socket.close()  # who waits for messages must learn of it
        raise


def _form(recordings: Sequence[bytes], consent: Consent | None, force: bool, **fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData({**fields, **({"force": "true"} if force else {})})
    if consent is not None:
        form.add_field("consent", msgspec.json.encode(consent).decode())
    for number, recording in enumerate(recordings):
        form.add_field("audio", recording, filename=f"{number}")
    return form


def _expect(kind: type[Answer], message: ServerMessage) -> Answer:
    if isinstance(message, Error):
        raise RefusedError(message.code, message.message)
    if not isinstance(message, kind):
        raise RefusedError("unexpected_answer", f"The server answered {type(message).__name__}, not {kind.__name__}.")
    return message


def _view(kind: type[View], body: bytes) -> View:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise RefusedError("unexpected_answer", f"The answer of the server cannot be read: {error}.") from error
