"""One WebSocket connection as a state machine: frames in, messages out.

::

    new ──hello──▶ idle ──start──▶ taking ──stop──▶ idle
                    ▲                │ └──cancel──▶ idle
                    └─stop/cancel/start── over ◀── a take that cannot go on, or has enough (audio is ignored)

No sockets, no clock of its own, no asyncio: the owner of the connection calls one method a frame, in order, and sends
what comes back. A MessageError means that the client broke the protocol and the connection ends; every other InputError
is answered with an ``error`` message and the connection lives on.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

from voiceprint.api.desk import Desk
from voiceprint.api.messages import (
    PROTOCOL_VERSION,
    Cancel,
    ClientMessage,
    Hello,
    Ready,
    ServerMessage,
    SpeechStopped,
    Start,
    Stop,
    decode_client,
)
from voiceprint.api.presenters import error_message
from voiceprint.api.query import Query
from voiceprint.api.room import OpenRoom, Room, no_rooms
from voiceprint.api.start_checks import check_start
from voiceprint.api.take import Take, speech_messages
from voiceprint.audio.live_audio import LiveAudio
from voiceprint.audio.live_recording import LiveRecording
from voiceprint.audio.recording import SAMPLE_RATE
from voiceprint.domain.caller import ANONYMOUS, OPERATOR, Caller
from voiceprint.errors import AudioError, InputError, MessageError
from voiceprint.service.service import VoiceprintService
from voiceprint.service.streaming import StreamEncoder

__all__ = ["Session"]

MAX_FRAME_BYTES = 64 * 1024
PROGRESS_EVERY_SECONDS = 0.2

Clock = Callable[[], float]


class Places(Protocol):
    """Takes at once: of all connections, and of one token. ``take`` raises MessageError (``too_many_streams``)."""

    def take(self, token_id: str | None) -> None: ...

    def give_back(self, token_id: str | None) -> None: ...


Admit = Callable[[str | None], Caller]
State = Literal["new", "idle", "taking", "over"]


class Session:
    """One connection. ``clock`` gives seconds, for latencies.

    ``admit``: returns the ``caller`` for the token of a hello, or raises AccessError.
    """

    def __init__(
        self,
        service: VoiceprintService,
        *,
        clock: Clock,
        admit: Admit = lambda _token: OPERATOR,
        desk: Desk | None = None,
        places: Places | None = None,
        open_room: OpenRoom = no_rooms,
    ) -> None:
        self.caller = ANONYMOUS
        self._desk = desk or Desk(service, clock=clock)
        self._service = service
        self._clock = clock
        self._admit = admit
        self._places = places
        self._holds_place = False
        self._state: State = "new"
        self._take: Take | None = None
        self._open_room = open_room
        self._room: Room | None = None

    @property
    def bytes_a_second(self) -> int:
        """How many a second of the sound has that is under way, or would have as most send it."""
        under_way = self._take or self._room
        return under_way.audio.bytes_a_second if under_way is not None else 2 * SAMPLE_RATE

    def on_text(self, frame: str, *, received_at: float | None = None) -> list[ServerMessage]:
        """The messages after a text frame.

        Raises MessageError where the client broke the protocol, AccessError where it may not talk.
        """
        message = decode_client(frame)
        try:
            return self._on_message(message, self._clock() if received_at is None else received_at)
        except InputError as error:
            if isinstance(error, MessageError) or self._state == "new":
                raise
            return self._refuse(error)

    def on_audio(self, frame: bytes, *, received_at: float | None = None) -> list[ServerMessage]:
        """The messages after a binary frame of PCM. Raises MessageError where none is expected, or it is too large."""
        if self._state in ("new", "idle"):
            raise MessageError("wrong_order", "Audio came before 'start'.")
        if len(frame) > MAX_FRAME_BYTES:
            raise MessageError("frame_too_large", f"The frame has {len(frame)} bytes; at most {MAX_FRAME_BYTES}.")
        try:
            if self._room is not None:
                return self._room.hear(frame)
            if self._take is None:
                return []
            return self._hear(self._take, frame, self._clock() if received_at is None else received_at)
        except InputError as error:
            return self._refuse(error)

    def _on_message(self, message: ClientMessage, received_at: float) -> list[ServerMessage]:
        match message:
            case Hello():
                return [self._hello(message)]
            case Start():
                return self._begin(message)
            case Stop():
                return self._finish(received_at)
            case Cancel():
                self._expect("taking", "over", said="cancel")
                if self._room is not None:
                    self._room.cancel()
                self._end("idle")
                return []

    def _hello(self, message: Hello) -> Ready:
        self._expect("new", said="hello")
        if message.version != PROTOCOL_VERSION:
            raise MessageError(
                "wrong_version", f"This server speaks version {PROTOCOL_VERSION}, the client {message.version}."
            )
        self.caller = self._admit(message.token)
        self._state = "idle"
        service = self._service
        return Ready(
            version=PROTOCOL_VERSION,
            encoder=service.encoder.id,
            encoder_sha256=service.encoder.fingerprint,
            sample_rate=SAMPLE_RATE,
            speakers=service.count(self.caller.groups),
            min_speech_seconds=service.settings.min_identify_speech_seconds,
            min_enroll_speech_seconds=service.settings.min_enroll_speech_seconds,
        )

    def _begin(self, start: Start) -> list[ServerMessage]:
        self._expect("idle", "over", said="start")
        # From here on audio may be under way already, so that a refusal must not make it a protocol error.
        self._state = "over"
        check_start(start)
        audio = LiveAudio(start.encoding, start.sample_rate, start.channels)
        service, settings = self._service, self._service.settings
        if self._places is not None:
            self._places.take(self.caller.token_id)
            self._holds_place = True
        if start.mode == "room":
            sound = LiveRecording(max_seconds=settings.max_recording_seconds)
            self._room, self._state = Room(self._open_room(self.caller, sound, start.groups), audio, sound), "taking"
            return self._room.news()
        query = self._query(start)
        needed = settings.min_identify_speech_seconds if query else settings.min_enroll_speech_seconds
        listener = service.listener()
        voice = StreamEncoder(listener, service.encode, partial(service.encode, draft=True), service.change_detector())
        self._take = Take(start, audio, listener, needed, voice, query)
        self._state = "taking"
        return []

    def _query(self, start: Start) -> Query | None:
        """The query of a take; None once it is clear that the speaker may be enrolled."""
        match start.mode:
            case "identify":
                return self._desk.identify(self.caller, top_k=start.top_k, groups=start.groups)
            case "verify":
                return self._desk.verify(self.caller, start.speaker or "", groups=start.groups)
            case _:
                self._desk.begin_enrollment(
                    self.caller,
                    name=start.name,
                    speaker_id=start.speaker,
                    consent=start.consent,
                    needs_consent=True,
                    groups=start.groups,
                    force=start.force,
                )
                return None

    def _hear(self, take: Take, frame: bytes, received_at: float) -> list[ServerMessage]:
        listener = take.listener
        limit = self._service.settings.max_stream_seconds
        if listener.audio_seconds > limit:
            raise AudioError("audio_too_long", f"More than {limit:.0f} seconds of audio came in one take.")
        said = speech_messages(listener.feed(take.audio.feed(frame)))
        if take.has_enough and take.query is not None:
            said.append(take.query.answer(take.voice.exact(), since=received_at))
            self._end("over")
            return said
        if listener.audio_seconds >= take.next_progress_at:
            take.next_progress_at = listener.audio_seconds + PROGRESS_EVERY_SECONDS
            said.append(take.progress())
        stopped = any(isinstance(message, SpeechStopped) for message in said)
        if take.query is None:
            return said
        due = take.start.guesses and (stopped or listener.speech_seconds >= take.next_guess_at)
        if due and take.query.may_guess():
            said.append(take.query.guess(take.voice.guess(), since=received_at))
            take.next_guess_at = listener.speech_seconds + take.voice.next_guess_seconds
        if take.start.enough_seconds is None:
            take.voice.prepare()
        return said

    def _finish(self, received_at: float) -> list[ServerMessage]:
        self._expect("taking", "over", said="stop")
        if self._room is not None:
            said = self._room.finish()
            self._end("idle")
            return said
        take = self._take
        if take is None:  # it was over before, and answered
            self._end("idle")
            return []
        said = speech_messages([*take.listener.feed(take.audio.finish()), *take.listener.finish()])
        if take.query is None:
            said.append(self._enroll(take))
        else:
            said.append(take.query.answer(take.voice.exact(), since=received_at))
        self._end("idle")
        return said

    def _enroll(self, take: Take) -> ServerMessage:
        start = take.start
        try:
            return self._desk.enroll(
                self.caller,
                [self._service.admit(take.listener.utterance())],
                name=start.name,
                speaker_id=start.speaker,
                consent=start.consent,
                groups=start.groups,
                force=start.force,
            )
        except InputError as error:
            return error_message(error)

    def _refuse(self, error: InputError) -> list[ServerMessage]:
        """The refusal. Audio still under way is ignored until the client says stop, cancel or start."""
        self._end("over" if self._state in ("taking", "over") else self._state)
        return [error_message(error)]

    def close(self) -> None:
        """End the take: the connection is gone."""
        self._end("over")

    @property
    def taking(self) -> bool:
        """Whether a take is under way, which holds a place."""
        return self._take is not None or self._room is not None

    def _end(self, state: State) -> None:
        if self._room is not None:
            self._room.sound.end()
        if self._take is not None and self._take.query is not None:
            self._take.query.close()
        if self._places is not None and self._holds_place:
            self._places.give_back(self.caller.token_id)
        self._take, self._room, self._holds_place = None, None, False
        self._state = state

    def _expect(self, *states: State, said: str) -> None:
        if self._state not in states:
            raise MessageError("wrong_order", f"'{said}' came at the wrong time ({_WHERE[self._state]}).")


_WHERE: dict[State, str] = {
    "new": "say 'hello' first",
    "idle": "no take is under way",
    "taking": "a take is under way",
    "over": "the take is over; say 'stop' or 'cancel'",
}
