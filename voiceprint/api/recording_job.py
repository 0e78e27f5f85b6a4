"""One recording that is heard as a job: its state, its voices, and what a person said of them. All of it in memory."""

import secrets
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Protocol

import msgspec

from voiceprint.api.recording_messages import JobState, MoveTurn, RecordingJob
from voiceprint.api.timeline_account import TimelineAccount
from voiceprint.api.timeline_messages import Timeline
from voiceprint.api.timeline_presenter import TimelinePresenter
from voiceprint.audio.channels import Choice
from voiceprint.audio.recording import Recording
from voiceprint.audio.recording_stream import SoundPiece
from voiceprint.domain.caller import Caller
from voiceprint.domain.moments import iso_moment
from voiceprint.domain.vocabulary import Notice
from voiceprint.errors import InputError, VoiceprintError
from voiceprint.service.diarization import Diarization, Voice
from voiceprint.service.diarization_stream import StreamDiarizer
from voiceprint.service.results import EncodedUtterance
from voiceprint.service.service import VoiceprintService

__all__ = ["Correction", "Job", "Steps"]

# What is known is shown again when so much more was heard: to find all spans takes time in proportion to the recording.
SHOW_AGAIN = 1.25
# Each ends with the seconds to wait before the next one, None for none.
Steps = Generator[float | None, None, None]


class Source(Protocol):
    """Where the sound comes from. ``decoder_seconds``: that decoding took so far; ``ended``: whether all was read."""

    @property
    def decoder_seconds(self) -> float: ...

    @property
    def ended(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person said of a voice or a turn. ``back``: gives it the label of before.

    ``speaker_id``: whose it was said to be; ``enrollment_id``: of what was enrolled; ``created``: whether the speaker
    was new.
    """

    back: Callable[[], object]
    speaker_id: str | None = None
    enrollment_id: str | None = None
    created: bool = False


@dataclass(slots=True)
class Job:
    """``received`` bytes of ``size``; ``expires_at``: seconds since 1970, once it has ended; ``keeps_unnamed``: whether
    unnamed voices may be enrolled later, so that their embeddings live as long as the job; ``enough``: no more of it
    may be decoded; ``live``: it is being said now, and looked at again after each few seconds, ``looks`` times so far.
    """

    service: VoiceprintService
    account: TimelineAccount
    caller: Caller
    size: int
    choice: Choice
    keep_seconds: float
    keeps_unnamed: bool
    live: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    state: JobState = "waiting"
    received: int = 0
    heard_seconds: float = 0.0
    created_at: float = field(default_factory=time.time)
    expires_at: float | None = None
    error: Notice | None = None
    enough: bool = False
    looks: int = 0
    lock: RLock = field(default_factory=RLock)
    corrections: dict[int, str | None] = field(default_factory=dict)
    moves: dict[int, MoveTurn] = field(default_factory=dict)
    changes: list[Correction] = field(default_factory=list)
    _diarizer: StreamDiarizer = field(init=False)
    _found: Diarization | None = None
    _about: Recording = field(default_factory=lambda: Recording((), 1, 0.0))
    _shown_at: float = 0.0
    _shown_known: int = 0
    _source: Source | None = None

    def __post_init__(self) -> None:
        self._diarizer = StreamDiarizer(
            self.service, self.choice, within=self.account.within, pay=self.account.pay, live=self.live
        )

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed")

    # What the recording says, step by step, for others to be served in between

    def begin(self, head: Recording, source: Source | None = None) -> Steps:
        """Choose by the beginning which track and channels are heard, and hear it. Raises InputError."""
        self.state, self._source = "running", source
        yield from self._following(self._diarizer.begin(head))

    def hear(self, piece: SoundPiece) -> Steps:
        """The next of its sound."""
        yield from self._following(self._diarizer.hear(piece))

    def finish(self, about: Recording) -> Steps:
        """The end of it. ``about``: what is to be said about the whole recording. Raises StoreError."""
        yield from self._diarizer.finish()
        self.heard_seconds = self._diarizer.seconds
        found = yield from self._diarizer.found()
        for answer in found.answers:
            self.account.conclude(answer)
            yield None
        self._found, self._about = self._kept(found), about
        self._end("done")

    def fail(self, error: VoiceprintError) -> None:
        """It ended without a timeline; what was found so far is forgotten."""
        if not self.ended:
            self.error = Notice(code=error.code, message=error.told)
            self._found = None
            self._end("failed")

    # What is told of it

    def message(self, *, whole: bool = True) -> RecordingJob:
        """``whole``: with the timeline."""
        with self.lock:
            return RecordingJob(
                id=self.id,
                state=self.state,
                heard_seconds=round(self.heard_seconds, 1),
                audio_seconds=round(self.heard_seconds, 2) if self.state == "done" else None,
                received_bytes=self.received,
                size_bytes=self.size,
                created_at=iso_moment(self.created_at),
                expires_at=None if self.expires_at is None else iso_moment(self.expires_at),
                timeline=self.timeline() if whole else None,
                error=self.error,
                changes=len(self.changes),
            )

    def timeline(self) -> Timeline | None:
        """As far as it is known, with what people said of its voices."""
        if self._found is None:
            return None
        corrections, moves = dict(self.corrections), dict(self.moves)
        nameable = self.state == "done"
        presenter = TimelinePresenter(self.service, self._found, self.caller, corrections, moves, nameable)
        shown = presenter.timeline(self._about, self.heard_seconds)
        return msgspec.structs.replace(shown, warnings=(*shown.warnings, *self.account.notices.values()))

    def whole_timeline(self) -> Timeline:
        """Once it was heard to its end. Raises InputError (``not_done``)."""
        found = self.timeline() if self.state == "done" else None
        if found is None:
            raise InputError("not_done", "The recording has not been heard to its end.")
        return found

    def voice(self, number: int) -> Voice:
        """A voice that a person may name. Raises InputError: ``not_done``, ``unknown_voice``."""
        if self._found is None or self.state != "done":
            raise InputError("not_done", "Voices can be named once the whole recording was heard.")
        for voice in self._found.voices:
            if voice.number == number:
                return voice
        raise InputError("unknown_voice", "There is no voice of that number in this recording.")

    def require_turn(self, number: int) -> None:
        """Refuse the number of no turn; the first is 1. Raises InputError: ``not_done``, ``unknown_turn``."""
        if not 1 <= number <= len(self.whole_timeline().turns):
            raise InputError("unknown_turn", "There is no turn of that number in this recording.")

    # Inside

    def _following(self, steps: Steps) -> Steps:
        for step in steps:
            self.heard_seconds = self._diarizer.seconds
            known = self._diarizer.known
            if (self.live or self.heard_seconds >= SHOW_AGAIN * self._shown_at) and known > self._shown_known:
                self._shown_at, self._shown_known = self.heard_seconds, known
                self._found = yield from self._diarizer.found()
                self.looks += 1
            yield step
        self.heard_seconds = self._diarizer.seconds
        if self._source is not None:
            worked, more = self._source.decoder_seconds, not self._source.ended
            self.enough = not (yield from self.account.decode(worked, more=more))

    def _kept(self, found: Diarization) -> Diarization:
        """Without the embeddings of voices that may not be kept."""
        if self.keeps_unnamed:
            return found
        return replace(found, voices=tuple(map(_without_embedding, found.voices)))

    def _end(self, state: JobState) -> None:
        self._diarizer = StreamDiarizer(self.service)  # what it knows of voices goes
        self.state, self.expires_at = state, time.time() + self.keep_seconds


def _without_embedding(voice: Voice) -> Voice:
    if voice.answer.decision.speaker_id is not None:
        return voice
    return replace(voice, probe=EncodedUtterance(voice.probe.utterance, None))
