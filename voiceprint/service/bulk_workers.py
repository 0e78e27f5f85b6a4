"""Many recordings at once: while one is decoded in its child process, others are encoded."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Self

from voiceprint.audio.channels import ANY, Choice
from voiceprint.domain.speaker import Enrollment
from voiceprint.service.recording_file import read_recording
from voiceprint.service.service import VoiceprintService

__all__ = ["BulkWorkers"]


class BulkWorkers:
    """Threads for the recordings of one run; leaving the context drops those not begun."""

    def __init__(self, service: VoiceprintService, choice: Choice = ANY) -> None:
        """``choice``: the track and channel to hear in each recording."""
        self._service = service
        self._choice = choice
        # One more than there are cores: it waits for its decoder while the others work.
        self._count = len(os.sched_getaffinity(0)) + 1
        self._pool = ThreadPoolExecutor(self._count, thread_name_prefix="voiceprint-hear")
        self._waiting = 0
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def is_busy(self) -> bool:
        """Whether enough recordings wait that looking further ahead gains nothing."""
        return self._waiting > 2 * self._count

    def hear(self, path: Path, check: Callable[[str], None]) -> "Future[Enrollment]":
        """The future enrollment of a file.

        ``check`` is called with the keyed hash of its content, and may refuse. The result raises InputError: as
        ``read_bytes``, ``check``, ``decode`` and ``VoiceprintService.admit`` do.
        """
        self._count_waiting(1)
        future = self._pool.submit(self._hear, path, check)
        future.add_done_callback(lambda _: self._count_waiting(-1))
        return future

    def _hear(self, path: Path, check: Callable[[str], None]) -> Enrollment:
        service = self._service
        data = read_recording(path, max_bytes=service.settings.max_upload_bytes)
        content = service.content_hash(data)
        check(content)
        return service.admit(service.listen(service.decode(data), self._choice), content)

    def _count_waiting(self, change: int) -> None:
        with self._lock:
            self._waiting += change
