"""A room: a stream in which several people speak, heard as a recording that has not ended."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from voiceprint.api.messages import Room as RoomMessage
from voiceprint.api.messages import ServerMessage
from voiceprint.api.recording_job import Job
from voiceprint.audio.live_audio import LiveAudio
from voiceprint.audio.live_recording import LiveRecording
from voiceprint.domain.caller import Caller
from voiceprint.errors import InputError, LimitError

__all__ = ["OpenRoom", "Room", "no_rooms"]


@dataclass(slots=True)
class Room:
    """What a session holds of one. ``audio``: reads its frames; ``sound``: where the job gets it from."""

    job: Job
    audio: LiveAudio
    sound: LiveRecording
    _told: int = -1

    def hear(self, frame: bytes) -> list[ServerMessage]:
        """What is to be said after one frame more. Raises InputError where it cannot go on."""
        if self.job.error is not None:
            raise InputError(self.job.error.code, self.job.error.message)
        self.sound.put(self.audio.feed(frame))
        return self.news()

    def news(self) -> list[ServerMessage]:
        """How far it is, where that was not told yet."""
        if self._told == self.job.looks:
            return []
        self._told = self.job.looks
        return [self._message()]

    def finish(self) -> list[ServerMessage]:
        """The last word; what was heard goes on to be looked at."""
        self.sound.put(self.audio.finish())
        self.sound.end()
        return [self._message(final=True)]

    def cancel(self) -> None:
        """What was heard is forgotten."""
        self.job.fail(InputError("cancelled", "The room was cancelled."))

    def _message(self, *, final: bool = False) -> RoomMessage:
        return RoomMessage(recording=self.job.id, heard_seconds=round(self.job.heard_seconds, 1), final=final)


# A new room over the sound that is put in. Raises LimitError, as the opening of any recording.
OpenRoom = Callable[[Caller, LiveRecording, Collection[str] | None], Job]


def no_rooms(_caller: Caller, _sound: LiveRecording, _groups: Collection[str] | None) -> Job:
    """Of a session that has no server around it."""
    raise LimitError("no_rooms", "Nothing here can hear a room.")
