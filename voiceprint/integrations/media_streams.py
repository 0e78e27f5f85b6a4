"""Media streams of Twilio and Telnyx: one WebSocket is one call, and each of its legs gets one decision.

Frames are JSON objects with an ``event``: connected, start, media (base64 of 8 kHz mulaw or A-law, 20 ms each), dtmf,
mark, stop. Formats: https://www.twilio.com/docs/voice/media-streams/websocket-messages,
https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket.
"""

import asyncio
import heapq
from base64 import b64decode
from collections.abc import AsyncIterable, Mapping

import msgspec

from voiceprint.integrations.calls import LegDecider
from voiceprint.integrations.lookup import Lookup

__all__ = ["MediaCalls"]

ENCODINGS: Mapping[str, str] = {"audio/x-mulaw": "mulaw", "PCMU": "mulaw", "PCMA": "alaw"}
RATE = 8_000
# Telnyx does not promise an order: so many frames wait for one that is late.
MAX_HELD = 10
MAX_LEGS = 2


class _Format(msgspec.Struct, kw_only=True):
    encoding: str


class _Start(msgspec.Struct, kw_only=True):
    """What begins a call. Fields in camel case are Twilio's, those with underscores Telnyx's."""

    call_sid: str | None = msgspec.field(default=None, name="callSid")
    call_control_id: str | None = None
    twilio_format: _Format | None = msgspec.field(default=None, name="mediaFormat")
    media_format: _Format | None = None
    twilio_parameters: dict[str, str] = msgspec.field(default_factory=dict, name="customParameters")
    custom_parameters: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def encoding(self) -> str:
        """As the voiceprint server says it. Raises ValueError for one that is not understood."""
        form = self.twilio_format or self.media_format
        if form is None or form.encoding not in ENCODINGS:
            raise ValueError("The audio of a call must be mulaw or A-law.")
        return ENCODINGS[form.encoding]

    @property
    def parameters(self) -> dict[str, str]:
        """What the operator gave the call to carry."""
        return self.twilio_parameters or self.custom_parameters


class _Media(msgspec.Struct, kw_only=True):
    payload: str
    chunk: int
    track: str = "inbound"


class _Frame(msgspec.Struct, kw_only=True):
    event: str
    start: _Start | None = None
    media: _Media | None = None


_decoder = msgspec.json.Decoder(_Frame, strict=False)  # numbers come as text


class MediaCalls(LegDecider):
    """The calls of a company."""

    async def follow(self, frames: AsyncIterable[str]) -> None:
        """One call, to its end. The caller's leg is verified where the parameter ``speaker`` claims an id.

        Raises ValueError and msgspec.MsgspecError for frames that are none of a call.
        """
        legs: dict[str, _Leg] = {}
        start: _Start | None = None
        try:
            async for text in frames:
                frame = _decoder.decode(text)
                if frame.event == "stop":
                    return
                start = start or frame.start
                if frame.media is not None and start is not None:
                    self._leg(legs, start, frame.media.track).hear(frame.media)
        finally:
            deciding = {leg.finish() for leg in legs.values()}
            if deciding:
                await asyncio.wait(deciding)  # which go on where this call is cancelled, as at a broken connection

    def _leg(self, legs: dict[str, "_Leg"], start: _Start, track: str) -> "_Leg":
        if track not in legs:
            if len(legs) == MAX_LEGS:
                raise ValueError("A call has two legs.")
            legs[track] = _Leg(
                *self.begin(
                    str(start.call_sid or start.call_control_id),
                    sample_rate=RATE,
                    encoding=start.encoding,
                    claimed_id=start.parameters.get("speaker") if track == "inbound" else None,
                    leg=track,
                )
            )
        return legs[track]


class _Leg:
    """One direction of a call, its frames put in order."""

    def __init__(self, lookup: Lookup, deciding: "asyncio.Task[None]") -> None:
        self._lookup = lookup
        self._deciding = deciding
        self._held: list[tuple[int, bytes]] = []
        self._next = 1

    def hear(self, media: _Media) -> None:
        """Raises ValueError for what is no base64."""
        audio = b64decode(media.payload, validate=True)
        heapq.heappush(self._held, (media.chunk, audio))
        while self._held and (self._held[0][0] <= self._next or len(self._held) > MAX_HELD):
            self._feed()

    def finish(self) -> "asyncio.Task[None]":
        """The call is over: what waits is heard, and the decision told by the task."""
        while self._held:
            self._feed()
        self._lookup.finish()
        return self._deciding

    def _feed(self) -> None:
        chunk, audio = heapq.heappop(self._held)
        if chunk >= self._next:  # else it is too late, or came before
            self._next = chunk + 1
            self._lookup.feed(audio)
