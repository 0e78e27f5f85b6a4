"""The synchronous client: the asynchronous one on a thread of its own.

::

    with SyncVoiceprintClient("http://127.0.0.1:5678") as client:
        answer = client.identify(Path("unknown.ogg").read_bytes())
        for message in client.stream(frames, mode="identify"):
            ...
"""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

from voiceprint.api.messages import (
    ChangeInfo,
    Consent,
    Enrolled,
    Forgotten,
    KnownAbout,
    Merged,
    Result,
    ServerMessage,
    SpeakerInfo,
    StreamMode,
    Takes,
    Unlocked,
)
from voiceprint.api.recording_messages import MoveTurn, RecordingJob, ThatWas
from voiceprint.api.timeline_messages import Timeline
from voiceprint.client.asynchronous import ServerHealth, VoiceprintClient

__all__ = ["SyncVoiceprintClient"]

T = TypeVar("T")


class SyncVoiceprintClient:
    """Use as a context manager. Arguments, answers and errors are those of VoiceprintClient."""

    def __init__(
        self, url: str, *, token: str | None = None, tls: ssl.SSLContext | None = None, timeout: float = 60.0
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="voiceprint-client", daemon=True)
        self._thread.start()
        self._reading = ThreadPoolExecutor(thread_name_prefix="voiceprint-frames")
        self._client = self._run(_connect(url, token=token, tls=tls, timeout=timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections and the thread; nothing can be asked afterwards."""
        self._run(self._client.__aexit__(None, None, None))
        self._reading.shutdown(wait=False, cancel_futures=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def identify(self, recording: bytes, *, top_k: int = 5, groups: Sequence[str] = ()) -> Result:
        """The speaker of a recording (any common format), or unknown."""
        return self._run(self._client.identify(recording, top_k=top_k, groups=groups))

    def timeline(self, recording: bytes, *, groups: Sequence[str] = ()) -> Timeline:
        """The turns of a recording, each with its speaker."""
        return self._run(self._client.timeline(recording, groups=groups))

    def send_recording(self, recording: bytes, *, groups: Sequence[str] = ()) -> RecordingJob:
        """A recording of any length, heard as a job; ask for it until its state is ``done`` or ``failed``."""
        return self._run(self._client.send_recording(recording, groups=groups))

    def recording(self, job_id: str) -> RecordingJob:
        """How far a recording is heard, and its timeline so far."""
        return self._run(self._client.recording(job_id))

    def name_voice(self, job_id: str, voice: int, wanted: ThatWas) -> RecordingJob:
        """The recording after a person said whose one of its voices is."""
        return self._run(self._client.name_voice(job_id, voice, wanted))

    def move_turn(self, job_id: str, turn: int, wanted: MoveTurn) -> RecordingJob:
        """The recording after a person said whose one of its turns is; they are counted from 1."""
        return self._run(self._client.move_turn(job_id, turn, wanted))

    def undo_name(self, job_id: str) -> RecordingJob:
        """The recording without what was said last of its voices."""
        return self._run(self._client.undo_name(job_id))

    def forget_recording(self, job_id: str) -> None:
        """Cancel a recording, and forget its voices."""
        self._run(self._client.forget_recording(job_id))

    def verify(self, speaker_id: str, recording: bytes) -> Result:
        """Whether it is the claimed speaker."""
        return self._run(self._client.verify(speaker_id, recording))

    def enroll(
        self,
        name: str,
        recordings: Sequence[bytes],
        *,
        consent: Consent | None = None,
        groups: Sequence[str] = (),
        force: bool = False,
    ) -> Enrolled:
        """A new speaker, in these groups. ``force``: also from recordings that do not agree; for operators."""
        return self._run(self._client.enroll(name, recordings, consent=consent, groups=groups, force=force))

    def enroll_more(
        self, speaker_id: str, recordings: Sequence[bytes], *, consent: Consent | None = None, force: bool = False
    ) -> Enrolled:
        """More recordings of an enrolled speaker. ``force``: also what sounds like another voice; for operators."""
        return self._run(self._client.enroll_more(speaker_id, recordings, consent=consent, force=force))

    def speakers(self, *, groups: Sequence[str] = ()) -> tuple[SpeakerInfo, ...]:
        """The enrolled speakers, by name."""
        return self._run(self._client.speakers(groups=groups))

    def rename(self, speaker_id: str, name: str) -> SpeakerInfo:
        """Another name for a speaker."""
        return self._run(self._client.rename(speaker_id, name))

    def set_groups(self, speaker_id: str, groups: Sequence[str]) -> SpeakerInfo:
        """The speaker in these groups and no others that the token may meet."""
        return self._run(self._client.set_groups(speaker_id, groups))

    def takes(self, speaker_id: str) -> Takes:
        """The recordings of a speaker, oldest first, and how each fits the others."""
        return self._run(self._client.takes(speaker_id))

    def remove_take(self, speaker_id: str, take_id: str) -> Takes:
        """The recordings that are left without this one."""
        return self._run(self._client.remove_take(speaker_id, take_id))

    def confirm_take(self, speaker_id: str, take_id: str) -> Takes:
        """The recordings of the speaker, of which this one, which another token brought, decides from now on."""
        return self._run(self._client.confirm_take(speaker_id, take_id))

    def merge(self, speaker_id: str, other_id: str, *, force: bool = False) -> Merged:
        """Two entries of one person as one, which keeps the first id. ``force``: also where the voices differ."""
        return self._run(self._client.merge(speaker_id, other_id, force=force))

    def last_change(self) -> ChangeInfo | None:
        """The change that ``undo`` would take back now; None where there is none."""
        return self._run(self._client.last_change())

    def undo(self, change_id: str | None = None) -> ChangeInfo:
        """The change that was taken back: the last one. With an id, only where that is still the last one."""
        return self._run(self._client.undo(change_id))

    def known_about(self, speaker_id: str) -> KnownAbout:
        """Everything held about a person, for that person."""
        return self._run(self._client.known_about(speaker_id))

    def forget(self, speaker_id: str) -> Forgotten:
        """Destroy a voiceprint; the answer holds the receipt."""
        return self._run(self._client.forget(speaker_id))

    def unlock(self, speaker_id: str) -> Unlocked:
        """Let an id be claimed again after too many wrong claims."""
        return self._run(self._client.unlock(speaker_id))

    def health(self) -> ServerHealth:
        """Whether the server can answer, with which encoder, among how many speakers."""
        return self._run(self._client.health())

    def stream(
        self,
        frames: Iterable[bytes],
        *,
        mode: StreamMode = "identify",
        **start: Any,  # noqa: ANN401 - fields of Start
    ) -> Iterator[ServerMessage]:
        """The messages about one live utterance; ``frames`` may block, as a microphone does."""
        messages = self._client.stream(self._read(frames), mode=mode, **start)
        try:
            while (message := self._run(_next(messages))) is not None:
                yield message
        finally:
            self._run(_close(messages))

    async def _read(self, frames: Iterable[bytes]) -> AsyncIterator[bytes]:
        """The frames, each taken on another thread than that of the connection."""
        source = iter(frames)
        while (frame := await self._loop.run_in_executor(self._reading, next, source, None)) is not None:
            yield frame

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        answer = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return answer.result()
        except BaseException:  # an interrupt of the program ends the request too
            answer.cancel()
            raise


async def _connect(url: str, *, token: str | None, tls: ssl.SSLContext | None, timeout: float) -> VoiceprintClient:
    return VoiceprintClient(url, token=token, tls=tls, timeout=timeout)


async def _next(messages: AsyncIterator[ServerMessage]) -> ServerMessage | None:
    return await anext(messages, None)


async def _close(messages: AsyncIterator[ServerMessage]) -> None:
    await messages.aclose()  # type: ignore[attr-defined]  # an asynchronous generator
