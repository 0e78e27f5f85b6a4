"""This server among those over one store: it says what it has taken in, so that receipts can name it."""

import socket
import time
from threading import Lock

from voiceprint.domain.speaker import new_id
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.storage.servers import ServerMark, leave, say
from voiceprint.storage.store import Store

__all__ = ["Presence"]

# A server counts as down after three times as long.
SAY_AGAIN_SECONDS = 2.0


class Presence:
    """One a server; without a first ``confirm`` it is among none."""

    def __init__(self, store: Store, enrolled: EnrolledSpeakers) -> None:
        self._store, self._enrolled = store, enrolled
        self._lock = Lock()
        self._id = new_id()
        self._name = f"{socket.gethostname()} {self._id:.8}"
        self._said: tuple[int, float] | None = None

    @property
    def is_said(self) -> bool:
        """Whether it is among the servers."""
        return self._said is not None

    def confirm(self) -> None:
        """Take in what others changed, and say so; often called, it seldom writes. Raises StoreError."""
        with self._enrolled.lock:
            self._enrolled.refresh()
            revision = self._store.revision
        with self._lock:
            now = time.monotonic()
            if self._said is None or revision > self._said[0] or now > self._said[1] + SAY_AGAIN_SECONDS:
                say(self._store, self._id, ServerMark(self._name, revision))
                self._said = revision, now

    def leave(self) -> None:
        """It is a server no longer. Raises StoreError."""
        with self._lock:
            if self._said is not None:
                leave(self._store, self._id)
                self._said = None
