"""Recordings as jobs: who has which, what may be done with them, and when they are forgotten.

A job belongs to the token that brought it. Jobs are in memory alone: a server that starts anew has none.
"""

import time
from collections.abc import Collection, Iterator
from threading import Lock

from voiceprint.api.desk import Desk
from voiceprint.api.recording_job import Job
from voiceprint.api.recording_messages import MoveTurn, RecordingGone, RecordingJob, RecordingList, ThatWas
from voiceprint.api.recording_names import move_turn, take_back, that_was
from voiceprint.audio.channels import ANY, Choice
from voiceprint.domain.caller import Caller
from voiceprint.errors import InputError, LimitError
from voiceprint.service.service import VoiceprintService

__all__ = ["MOST_AT_WORK", "RecordingDesk"]

# Not ended yet: in all, and of one token; and those that have ended, of one token.
MOST_AT_WORK, MOST_OF_ONE, MOST_ENDED = 8, 4, 50
RETRY_SECONDS = 10.0
# A recording whose size was told, and of which no sound comes, holds its place for so long.
WAITING_SECONDS = 60.0
# So long a recording waits for its token's budget, in all.
PATIENCE_SECONDS = 600.0


class RecordingDesk:
    """One a server, beside the desk. Thread safe."""

    def __init__(self, desk: Desk, service: VoiceprintService) -> None:
        self._desk, self._service = desk, service
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()

    def open(self, caller: Caller, *, size: int, choice: Choice = ANY, groups: Collection[str] | None = None) -> Job:
        """A new job. Costs an answer. Raises LimitError: ``too_many_recordings``, ``body_too_large``,
        ``too_many_answers``, ``too_much_decoding``; InputError (``audio_empty``).
        """
        settings = self._service.settings
        if not size:
            raise InputError("audio_empty", "The recording is empty.")
        if size > settings.max_recording_bytes:
            raise LimitError("body_too_large", f"A recording may have {settings.max_recording_bytes} bytes at most.")
        return self._opened(caller, groups, size=size, choice=choice)

    def open_room(self, caller: Caller, *, groups: Collection[str] | None = None) -> Job:
        """A new job of what is being said now. Costs an answer, and waits for no other. Raises as ``open``."""
        return self._opened(caller, groups, live=True)

    def _opened(
        self, caller: Caller, groups: Collection[str] | None, *, size: int = 0, choice: Choice = ANY, live: bool = False
    ) -> Job:
        settings = self._service.settings
        self.forget_expired()
        with self._lock:
            self._check_room(caller)
            account = self._desk.begin_timeline(caller, groups=groups)
            account.patience = 0.0 if live else PATIENCE_SECONDS
            job = Job(
                self._service,
                account,
                caller,
                size,
                choice,
                keep_seconds=60.0 * settings.keep_recordings_minutes,
                keeps_unnamed=settings.keep_unnamed_voices,
                live=live,
            )
            self._jobs[job.id] = job
        return job

    def job(self, caller: Caller, job_id: str) -> Job:
        """Raises InputError (``unknown_recording``), also for those of other tokens."""
        caller.require("identify")
        self.forget_expired()
        job = self._jobs.get(job_id)
        if job is None or job.caller.token_id != caller.token_id:
            raise InputError(
                "unknown_recording",
                "There is no such recording here: it was cancelled, has expired, or the server was started anew. "
                "No audio is kept, so send it again.",
            )
        return job

    def show(self, caller: Caller, job_id: str) -> RecordingJob:
        """How far it is, and the timeline so far."""
        return self.job(caller, job_id).message()

    def all(self, caller: Caller) -> RecordingList:
        """Those of the caller's token, the newest first."""
        caller.require("identify")
        self.forget_expired()
        own = [job for job in list(self._jobs.values()) if job.caller.token_id == caller.token_id]
        return RecordingList(recordings=tuple(job.message(whole=False) for job in reversed(own)))

    def forget(self, caller: Caller, job_id: str) -> RecordingGone:
        """Cancel it if it is at work; its voices are forgotten."""
        job = self.job(caller, job_id)
        job.fail(InputError("cancelled", "The recording was cancelled."))
        with self._lock:
            self._jobs.pop(job.id, None)
        return RecordingGone(id=job.id)

    def name(
        self, caller: Caller, job_id: str, voice: int, wanted: ThatWas, *, needs_consent: bool = False
    ) -> RecordingJob:
        """The recording after a person said whose voice it is. Raises as ``that_was``."""
        job = self.job(caller, job_id)
        with job.lock:
            that_was(self._desk, self._service, caller, job, voice, wanted, needs_consent=needs_consent)
            return job.message()

    def move(self, caller: Caller, job_id: str, turn: int, wanted: MoveTurn) -> RecordingJob:
        """The recording after a person said whose one of its turns is. Raises as ``move_turn``."""
        job = self.job(caller, job_id)
        with job.lock:
            move_turn(self._service, caller, job, turn, wanted)
            return job.message()

    def undo(self, caller: Caller, job_id: str) -> RecordingJob:
        """The recording without the last thing that a person said of it. Raises InputError (``nothing_to_undo``)."""
        job = self.job(caller, job_id)
        with job.lock:
            take_back(self._service, caller, job)
            return job.message()

    def forget_expired(self) -> None:
        """Drop what has ended long enough ago, and of each token what is too many; end what no sound comes for."""
        now = time.time()
        with self._lock:
            for job in self._jobs.values():
                silent = job.state == "waiting" and not job.received and not job.live
                if silent and now - job.created_at > WAITING_SECONDS:
                    job.fail(InputError("stalled", "No sound came."))
            for job in self._past(now):
                self._jobs.pop(job.id)

    def _past(self, now: float) -> Iterator[Job]:
        ended: dict[str | None, int] = {}
        for job in reversed(list(self._jobs.values())):
            if job.expires_at is not None:
                ended[job.caller.token_id] = ended.get(job.caller.token_id, 0) + 1
                if job.expires_at <= now or ended[job.caller.token_id] > MOST_ENDED:
                    yield job

    def _check_room(self, caller: Caller) -> None:
        at_work = [job.caller.token_id for job in self._jobs.values() if not job.ended]
        if len(at_work) >= MOST_AT_WORK or at_work.count(caller.token_id) >= MOST_OF_ONE:
            raise LimitError(
                "too_many_recordings",
                f"The server hears as many recordings as it can; try again in {RETRY_SECONDS:.0f} seconds.",
                retry_seconds=RETRY_SECONDS,
            )
