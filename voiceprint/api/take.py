"""One live take: what a session holds of it, and what it says of its speech."""

from collections.abc import Sequence
from dataclasses import dataclass

from voiceprint.api.messages import Progress, ServerMessage, SpeechStarted, SpeechStopped, Start
from voiceprint.api.query import Query
from voiceprint.audio import vad
from voiceprint.audio.live_audio import LiveAudio
from voiceprint.service.streaming import GUESS_EVERY_SECONDS, StreamEncoder

__all__ = ["Take", "speech_messages"]


@dataclass(slots=True)
class Take:
    """One utterance on its way. ``query``: None while enrolling."""

    start: Start
    audio: LiveAudio
    listener: vad.Listener
    needed_seconds: float
    voice: StreamEncoder
    query: Query | None
    next_progress_at: float = 0.0
    next_guess_at: float = GUESS_EVERY_SECONDS

    def progress(self) -> Progress:
        """How much speech there is so far, and how it sounds."""
        seconds = self.listener.speech_seconds
        return Progress(
            speech_seconds=round(seconds, 2),
            needed_seconds=self.needed_seconds,
            percent=min(100, int(100 * seconds / self.needed_seconds)),
            level_dbfs=round(self.listener.level_dbfs, 1),
            feedback=self.listener.feedback(),
        )

    @property
    def has_enough(self) -> bool:
        """Whether its query ends by itself now."""
        enough = self.start.enough_seconds
        return self.query is not None and enough is not None and self.listener.speech_seconds >= enough


def speech_messages(events: Sequence[vad.SpeechStarted | vad.SpeechStopped]) -> list[ServerMessage]:
    """The messages that tell of beginnings and ends of speech."""
    return [
        (SpeechStarted if isinstance(event, vad.SpeechStarted) else SpeechStopped)(
            at_seconds=round(event.at_seconds, 2)
        )
        for event in events
    ]
