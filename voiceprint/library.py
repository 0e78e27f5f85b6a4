"""The service in the program's own process, for scripts: ``voiceprint.open``."""

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from voiceprint.api.desk import Desk
from voiceprint.api.messages import Enrolled, Forgotten, Result, SpeakerInfo
from voiceprint.api.query import Query
from voiceprint.api.timeline_messages import Timeline
from voiceprint.audio.decoding import read_bytes
from voiceprint.config import load_settings
from voiceprint.domain.caller import OPERATOR
from voiceprint.domain.speaker import Enrollment
from voiceprint.domain.vocabulary import Consent
from voiceprint.service.factory import open_service
from voiceprint.service.service import VoiceprintService

__all__ = ["Recording", "Voiceprint", "open_voiceprint"]

# A file by its path, or the bytes of one.
Recording = str | Path | bytes


def open_voiceprint(data: str | Path, **settings: Any) -> "Voiceprint":  # noqa: ANN401 - of each setting
    """As ``voiceprint.open``."""
    return Voiceprint(open_service(load_settings({**settings, "data": Path(data)})))


class Voiceprint:
    """A store opened by ``voiceprint.open``. Use as a context manager, or ``close`` it. Thread safe.

    Recordings are paths or bytes, in any common format; speakers are given by name or id. Every method raises
    VoiceprintError, whose ``code`` is stable and whose ``message`` is one sentence.
    """

    def __init__(self, service: VoiceprintService) -> None:
        self._service = service
        self._desk = Desk(service, clock=time.monotonic)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store."""
        self._service.close()

    def identify(self, recording: Recording, *, top_k: int = 5, groups: Sequence[str] = ()) -> Result:
        """The speaker of a recording, or unknown. ``groups``: only their speakers are searched."""
        return self._answer(self._desk.identify(OPERATOR, top_k=top_k, groups=groups), recording)

    def verify(self, speaker: str, recording: Recording) -> Result:
        """Whether it is the claimed speaker."""
        claimed = self._service.named(speaker)
        return self._answer(self._desk.verify(OPERATOR, claimed.id), recording)

    def timeline(self, recording: Recording, *, groups: Sequence[str] = ()) -> Timeline:
        """The turns of a recording, each with its speaker."""
        steps = self._desk.timeline(OPERATOR, self._service.decode(self._read(recording)), groups=groups)
        return next(step for step in steps if isinstance(step, Timeline))

    def enroll(
        self,
        name: str,
        recordings: Sequence[Recording],
        *,
        consent: Consent | None = None,
        groups: Sequence[str] = (),
    ) -> Enrolled:
        """The speaker with these recordings: a new one, or more of the one enrolled under that name or id."""
        found = self._service.find(name)
        new_name, speaker_id = (name, None) if found is None else (None, found.id)
        self._desk.begin_enrollment(OPERATOR, name=new_name, speaker_id=speaker_id, consent=consent, groups=groups)
        admitted = [self._admit(recording) for recording in recordings]
        return self._desk.enroll(
            OPERATOR, admitted, name=new_name, speaker_id=speaker_id, consent=consent, groups=groups
        )

    def speakers(self, *, groups: Sequence[str] = ()) -> tuple[SpeakerInfo, ...]:
        """The enrolled speakers, by name."""
        return self._desk.speakers(OPERATOR, groups=groups).speakers

    def forget(self, speaker: str) -> Forgotten:
        """Destroy a voiceprint; the answer holds the receipt."""
        return self._desk.forget(OPERATOR, self._service.named(speaker).id)

    def _answer(self, query: Query, recording: Recording) -> Result:
        with closing(query):
            since = time.monotonic()
            waveform = self._service.decode(self._read(recording))
            return query.answer(self._service.hear(waveform), since=since)

    def _admit(self, recording: Recording) -> Enrollment:
        data, service = self._read(recording), self._service
        return service.admit(service.listen(service.decode(data)), service.content_hash(data))

    def _read(self, recording: Recording) -> bytes:
        if isinstance(recording, bytes):
            return recording
        return read_bytes(Path(recording), max_bytes=self._service.settings.max_upload_bytes)
