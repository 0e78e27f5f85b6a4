"""Jobs at work: read, decode, hear, step by step, beside all other requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from voiceprint.api.recording_desk import MOST_AT_WORK
from voiceprint.api.recording_job import Job, Steps
from voiceprint.api.recording_messages import JobState
from voiceprint.audio.live_recording import LiveRecording
from voiceprint.audio.recording_stream import RecordingStream
from voiceprint.errors import InputError, VoiceprintError
from voiceprint.server.recording_upload import RecordingUpload

__all__ = ["RecordingRunner"]

log = logging.getLogger(__name__)
T = TypeVar("T")
# What is being read, and where it comes from, which may be cut.
Sound = RecordingStream | LiveRecording
Source = RecordingUpload | LiveRecording
Work = Callable[[Callable[[], object]], Awaitable[object]]
_LAST = object()


class RecordingRunner:
    """One a server. Reading waits for the network and the decoder, so that each job has a thread of its own for it."""

    def __init__(self, work: Work, *, max_seconds: float, tell: Callable[[str, JobState], None]) -> None:
        """``work``: runs what needs the encoder; ``max_seconds``: of a recording; ``tell``: called at its end."""
        self._work_on, self._max_seconds, self._tell = work, max_seconds, tell
        self._reading = ThreadPoolExecutor(MOST_AT_WORK, thread_name_prefix="voiceprint-read")
        self._sources: dict[str, Source] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, job: Job) -> RecordingUpload:
        """What the recording is to be put into; from now on it is heard. Raises InputError (``has_sound``)."""
        if job.id in self._sources or job.state != "waiting":
            raise InputError("has_sound", "The sound of this recording has come already.")
        upload = RecordingUpload()
        self._begin(job, upload, partial(self._opened, job, upload))
        return upload

    def listen(self, job: Job, sound: LiveRecording) -> None:
        """Hear what is being said now."""

        async def opened() -> LiveRecording:
            return sound

        self._begin(job, sound, opened)

    def _begin(self, job: Job, source: Source, opened: Callable[[], Awaitable[Sound]]) -> None:
        self._sources[job.id] = source
        task = asyncio.create_task(self._run(job, source, opened))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self, job_id: str) -> None:
        """Stop the work on it, if there is any."""
        if source := self._sources.get(job_id):
            source.cut()

    async def close(self) -> None:
        """Stop everything."""
        for source in self._sources.values():
            source.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._reading.shutdown(wait=False, cancel_futures=True)

    async def _run(self, job: Job, source: Source, opened: Callable[[], Awaitable[Sound]]) -> None:
        try:
            await self._hear(job, source, await opened())
        except VoiceprintError as error:
            if error.told != error.message:
                log.error("%s", error.message)  # noqa: TRY400 - the sentence says it all
            job.fail(error)
        except Exception:
            log.exception("A recording failed in an unforeseen way")
            job.fail(InputError("internal_error", "The server made a mistake; it is in its log."))
        finally:
            source.cut()
            self._sources.pop(job.id, None)
            self._tell(job.id, job.state)

    async def _hear(self, job: Job, source: Source, stream: Sound) -> None:
        try:
            head = await self._read(stream.head)
            if job.ended:  # cut or cancelled: what came is no recording
                return
            await self._work(job, job.begin(head, stream))
            while not job.enough and (piece := await self._read(stream.read)) is not None:
                if job.ended:
                    return
                await self._work(job, job.hear(piece))
            await self._work(job, job.finish(stream.outcome))
        finally:
            source.cut()  # or closing would wait, and every request with it, for what a client does not send
            stream.close()

    async def _opened(self, job: Job, upload: RecordingUpload) -> RecordingStream:
        opening = self._reading.submit(RecordingStream, upload, size=job.size, max_seconds=self._max_seconds)
        try:
            return await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise

    async def _read(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, function)

    async def _work(self, job: Job, steps: Steps) -> None:
        while not job.ended and (step := await self._work_on(partial(next, steps, _LAST))) is not _LAST:
            if isinstance(step, float):
                await asyncio.sleep(step)


def _close_late(opening: "Future[RecordingStream]") -> None:
    """Close what was opened when its request had ended."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
