"""One WebSocket connection as a state machine: frames in, messages out.

::

    new ──hello──▶ idle ──start──▶ taking ──stop──▶ idle
                    ▲                │ └──cancel──▶ idle
                    └─stop/cancel/start─ refused ◀── a take that cannot go on (its audio is ignored)

No sockets, no clock of its own, no asyncio: whoever owns the connection calls one method a frame, in order, and sends
what comes back. A MessageError means that the client broke the protocol and the connection ends; every other
InputError is answered with an ``error`` message and the connection lives on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from voiceprint.api.budgets import Budgets, Claim
from voiceprint.api.disclosure import disclosed
from voiceprint.api.messages import (
    PROTOCOL_VERSION,
    Cancel,
    ClientMessage,
    Hello,
    Progress,
    Ready,
    Result,
    ServerMessage,
    SpeechStarted,
    SpeechStopped,
    Start,
    Stop,
    decode_client,
)
from voiceprint.api.presenters import enrolled_message, error_message, result_message
from voiceprint.api.start_checks import check_start
from voiceprint.audio import vad
from voiceprint.audio.decoding import SAMPLE_RATE, pcm16_to_waveform
from voiceprint.decision.early_decision import EarlyDecision
from voiceprint.domain.caller import NOBODY, OPERATOR, Caller
from voiceprint.domain.groups import Within
from voiceprint.errors import AudioError, InputError, MessageError
from voiceprint.service.results import Answer
from voiceprint.service.service import VoiceprintService
from voiceprint.service.streaming import GUESS_EVERY_SECONDS, StreamEncoder

__all__ = ["Session"]

MAX_FRAME_BYTES = 64 * 1024
PROGRESS_EVERY_SECONDS = 0.2

Clock = Callable[[], float]
Admit = Callable[[str | None], Caller]
State = Literal["new", "idle", "taking", "refused"]


@dataclass(slots=True)
class _Take:
    """One utterance on its way: what was asked for and what was heard so far."""

    start: Start
    listener: vad.Listener
    needed_seconds: float
    voice: StreamEncoder
    within: Within
    announcer: EarlyDecision = field(default_factory=EarlyDecision)
    claim: Claim | None = None
    next_progress_at: float = 0.0
    next_guess_at: float = GUESS_EVERY_SECONDS


class Session:
    """``clock`` gives seconds and is only used to state latencies. ``admit`` says who the token of a hello stands for,
    or raises AccessError; ``caller`` is who that was.
    """

    def __init__(
        self,
        service: VoiceprintService,
        *,
        clock: Clock,
        admit: Admit = lambda _token: OPERATOR,
        budgets: Budgets | None = None,
    ) -> None:
        self.caller = NOBODY
        self._budgets = budgets or Budgets(service.settings, clock=clock)
        self._service = service
        self._clock = clock
        self._admit = admit
        self._state: State = "new"
        self._take: _Take | None = None

    def on_text(self, frame: str, *, received_at: float | None = None) -> list[ServerMessage]:
        """One text frame. Raises MessageError when the client broke the protocol, AccessError when it may not talk."""
        message = decode_client(frame)
        try:
            return self._on_message(message, self._clock() if received_at is None else received_at)
        except InputError as error:
            if isinstance(error, MessageError) or self._state == "new":
                raise
            return self._refuse(error)

    def on_audio(self, frame: bytes, *, received_at: float | None = None) -> list[ServerMessage]:
        """One binary frame of PCM. Raises MessageError when there is no take for it, or it is too large."""
        if self._state in ("new", "idle"):
            raise MessageError("wrong_order", "Audio came before 'start'.")
        if len(frame) > MAX_FRAME_BYTES:
            raise MessageError("frame_too_large", f"The frame has {len(frame)} bytes; at most {MAX_FRAME_BYTES}.")
        if self._take is None:
            return []
        try:
            return self._hear(self._take, frame, self._clock() if received_at is None else received_at)
        except InputError as error:
            return self._refuse(error)

    def _on_message(self, message: ClientMessage, received_at: float) -> list[ServerMessage]:
        match message:
            case Hello():
                return [self._hello(message)]
            case Start():
                self._begin(message)
                return []
            case Stop():
                return self._finish(received_at)
            case Cancel():
                self._expect("taking", "refused", said="cancel")
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

    def _begin(self, start: Start) -> None:
        self._expect("idle", "refused", said="start")
        # From here on audio may be under way already, so that a refusal must not make it a protocol error.
        self._state = "refused"
        within = check_start(start, self._service, self.caller)
        self._budgets.ask(self.caller)
        settings = self._service.settings
        enrolling = start.mode == "enroll"
        needed = settings.min_enroll_speech_seconds if enrolling else settings.min_identify_speech_seconds
        listener = self._service.listener()
        service = self._service
        voice = StreamEncoder(listener, service.encode, partial(service.encode, quickly=True), service.watch())
        take = _Take(start, listener, needed, voice, within)
        if start.mode == "verify":
            take.claim = self._budgets.claim(self.caller, start.speaker or "")
        self._take = take
        self._state = "taking"

    def _hear(self, take: _Take, frame: bytes, received_at: float) -> list[ServerMessage]:
        listener = take.listener
        limit = self._service.settings.max_stream_seconds
        if listener.audio_seconds > limit:
            raise AudioError("audio_too_long", f"More than {limit:.0f} seconds of audio came in one take.")
        said = _events(listener.feed(pcm16_to_waveform(frame)))
        if listener.audio_seconds >= take.next_progress_at:
            take.next_progress_at = listener.audio_seconds + PROGRESS_EVERY_SECONDS
            said.append(self._progress(take))
        stopped = any(isinstance(message, SpeechStopped) for message in said)
        if (stopped or listener.speech_seconds >= take.next_guess_at) and self._may_guess(take):
            take.next_guess_at = listener.speech_seconds + take.voice.next_guess_seconds
            said.append(self._answer(take, received_at, final=False))
        if take.start.mode != "enroll":
            take.voice.prepare()
        return said

    def _may_guess(self, take: _Take) -> bool:
        """A guess about a claim would be one more try at it, so that only those get some who are not counted."""
        mode = take.start.mode
        if mode == "enroll" or (mode == "verify" and not self.caller.sees_scores):
            return False
        return self._budgets.may_guess(self.caller)

    def _progress(self, take: _Take) -> Progress:
        seconds = take.listener.speech_seconds
        return Progress(
            speech_seconds=round(seconds, 2),
            needed_seconds=take.needed_seconds,
            percent=min(100, int(100 * seconds / take.needed_seconds)),
            level_dbfs=round(take.listener.level_dbfs, 1),
            feedback=take.listener.feedback(),
        )

    def _finish(self, received_at: float) -> list[ServerMessage]:
        self._expect("taking", "refused", said="stop")
        take = self._take
        if take is None:  # refused before; the refusal was the answer
            self._end("idle")
            return []
        said = _events(take.listener.finish())
        if take.start.mode == "enroll":
            said.append(self._enroll(take))
        else:
            said.append(self._answer(take, received_at, final=True))
        self._end("idle")
        return said

    def _enroll(self, take: _Take) -> ServerMessage:
        start = take.start
        try:
            admitted = [self._service.admit(take.listener.utterance())]
            if start.speaker is not None:
                outcome = self._service.enroll_more(start.speaker, admitted, consent=start.consent, within=take.within)
            else:
                name = start.name or ""
                outcome = self._service.enroll_new(name, admitted, consent=start.consent, within=take.within)
        except InputError as error:
            return error_message(error)
        return disclosed(enrolled_message(outcome, self._service), self.caller)

    def _answer(self, take: _Take, received_at: float, *, final: bool) -> Result:
        voice, start = take.voice.exact() if final else take.voice.guess(), take.start
        answer: Answer
        if start.mode == "verify":
            hide_unknown_claims = not self.caller.sees_scores
            answer = self._service.verify(
                start.speaker or "", voice, hide_unknown_claims=hide_unknown_claims, within=take.within
            )
        else:
            answer = self._service.identify(voice, top_k=start.top_k, within=take.within)
        if final and take.claim is not None:
            take.claim.settle(answer.decision.status)
        if self.caller.sees_scores:  # an announcement tells of a second line, above the threshold
            hear = take.announcer.finish if final else partial(take.announcer.guess, safe=not voice.several)
            answer = replace(answer, decision=hear(answer.decision))
        if final:
            self._service.conclude(answer)
        latency_ms, announced = (self._clock() - received_at) * 1000, take.announcer.announced is not None
        result = result_message(answer, self._service, latency_ms=latency_ms, final=final, announced=announced)
        return disclosed(result, self.caller)

    def _refuse(self, error: InputError) -> list[ServerMessage]:
        """The take is over; audio that is still under way is ignored until the client says stop, cancel or start."""
        self._end("refused" if self._state in ("taking", "refused") else self._state)
        return [error_message(error)]

    def close(self) -> None:
        """The connection is gone, and with it the take."""
        self._end("refused")

    def _end(self, state: State) -> None:
        if self._take is not None and self._take.claim is not None:
            self._take.claim.release()
        self._take = None
        self._state = state

    def _expect(self, *states: State, said: str) -> None:
        if self._state not in states:
            raise MessageError("wrong_order", f"'{said}' came at the wrong time ({_WHERE[self._state]}).")


_WHERE: dict[State, str] = {
    "new": "say 'hello' first",
    "idle": "no take is under way",
    "taking": "a take is under way",
    "refused": "the take was refused; say 'stop' or 'cancel'",
}


def _events(events: Sequence[vad.SpeechStarted | vad.SpeechStopped]) -> list[ServerMessage]:
    return [
        (SpeechStarted if isinstance(event, vad.SpeechStarted) else SpeechStopped)(
            at_seconds=round(event.at_seconds, 2)
        )
        for event in events
    ]
