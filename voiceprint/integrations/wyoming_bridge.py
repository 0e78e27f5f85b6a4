"""A Wyoming speech-to-text server before another one: the other's transcript, with the speaker in its context.

Everything passes through in both directions at once. The audio also goes to a voiceprint server; the transcript waits a
moment for that decision. Protocol: https://github.com/OHF-Voice/wyoming, version 1.10.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioChunkConverter, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Info
from wyoming.server import AsyncEventHandler

from voiceprint.client import VoiceprintClient
from voiceprint.integrations.bounded_reader import BoundedReader
from voiceprint.integrations.lookup import Lookup, speaker_of

__all__ = ["MODES", "Bridge", "BridgeMode", "BridgeOptions", "bridge_factory"]

log = logging.getLogger(__name__)

BridgeMode = Literal["context", "tag", "gate", "pass"]
MODES: tuple[BridgeMode, ...] = get_args(BridgeMode)
CONNECT_SECONDS = 5.0
# What a broken event of a client raises inside the wyoming package.
BROKEN = (LookupError, TypeError, AttributeError, ValueError, RecursionError, EOFError, OSError)


@dataclass(frozen=True, slots=True)
class BridgeOptions:
    """``upstream``: the address of the recogniser; ``patience``: seconds that a transcript waits for the decision."""

    upstream: str
    mode: BridgeMode = "context"
    groups: Sequence[str] = ()
    patience: float = 1.0

    @property
    def rewrites(self) -> bool:
        """Whether the text depends on the decision, so that no part of it may come before."""
        return self.mode in ("tag", "gate")


def bridge_factory(
    options: BridgeOptions, client: VoiceprintClient
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], "Bridge"]:
    """The handler of each connection, as wyoming's AsyncServer takes it."""
    return lambda reader, writer: Bridge(reader, writer, options, client)


class Bridge(AsyncEventHandler):
    """One connection of a client, with one of its own to the recogniser."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        options: BridgeOptions,
        client: VoiceprintClient,
    ) -> None:
        super().__init__(BoundedReader(reader), writer)
        self._options = options
        self._client = client
        self._upstream = AsyncClient.from_uri(options.upstream, connect_timeout=CONNECT_SECONDS)
        self._answering: asyncio.Task[None] | None = None
        self._lookup: Lookup | None = None
        self._unanswered = False
        self._converter = AudioChunkConverter(rate=16_000, width=2, channels=1)

    async def run(self) -> None:
        """Serve until either side ends; a broken event ends this connection and no other."""
        try:
            await super().run()
        except BROKEN as error:
            log.info("A connection was ended: %s", type(error).__name__)

    async def handle_event(self, event: Event) -> bool:
        """Pass one event of the client on. False where the recogniser cannot be reached."""
        if self._answering is None:
            try:
                await self._upstream.connect()
            except (OSError, TimeoutError):
                await self._refuse("The speech recogniser behind this bridge cannot be reached.")
                return False
            self._answering = asyncio.create_task(self._answer())
        self._unanswered = True
        try:
            await self._upstream.write_event(event)
        except OSError:
            return False  # the task that answers has said so
        if self._options.mode != "pass":
            self._tee(event)
        return True

    async def disconnect(self) -> None:
        """The client has gone, or is sent away."""
        if self._lookup is not None:
            self._lookup.cancel()
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.wait({self._answering})
            try:
                await self._upstream.disconnect()
            except OSError:
                log.debug("The recogniser was gone already")

    def _tee(self, event: Event) -> None:
        if AudioStart.is_type(event.type):
            self._begin()
        elif self._lookup is not None and AudioChunk.is_type(event.type):
            self._lookup.feed(self._converter.convert(AudioChunk.from_event(event)).audio)
        elif self._lookup is not None and AudioStop.is_type(event.type):
            self._lookup.finish()

    def _begin(self) -> None:
        if self._lookup is not None:
            self._lookup.cancel()
        self._converter = AudioChunkConverter(rate=16_000, width=2, channels=1)
        self._lookup = Lookup(self._client, groups=self._options.groups)

    async def _answer(self) -> None:
        """Pass the recogniser's events on until it ends, which ends the client's connection too."""
        try:
            while (event := await self._upstream.read_event()) is not None:
                if (answer := await self._rewritten(event)) is not None:
                    self._unanswered = False
                    await self.write_event(answer)
            if self._unanswered:  # many close it after each transcript, which is no error
                await self._refuse("The speech recogniser behind this bridge has closed the connection.")
        except BROKEN as error:
            log.warning("The speech recogniser was lost: %s", type(error).__name__)
            await self._refuse("The speech recogniser behind this bridge was lost.")
        self.writer.close()
        self.reader.feed_eof()

    async def _rewritten(self, event: Event) -> Event | None:
        """The event as the client gets it; None for a part of a text that must wait for its speaker."""
        if Info.is_type(event.type) and self._options.rewrites:
            for program in event.data.get("asr", ()):
                program["supports_transcript_streaming"] = False
        if self._options.rewrites and _is_part(event.type):
            return None
        if not Transcript.is_type(event.type) or self._lookup is None:
            return event
        speaker = speaker_of(await self._lookup.result(self._options.patience))
        self._lookup = None
        text = _text(str(event.data.get("text", "")), speaker, self._options.mode)
        context = {**(event.data.get("context") or {}), "speaker": speaker}
        return Event(event.type, {**event.data, "text": text, "context": context}, event.payload)

    async def _refuse(self, sentence: str) -> None:
        try:
            await self.write_event(Error(text=sentence, code="upstream").event())
        except OSError:
            log.debug("The client was gone already")


def _is_part(kind: str) -> bool:
    return any(part.is_type(kind) for part in (TranscriptStart, TranscriptChunk, TranscriptStop))


def _text(text: str, speaker: dict[str, Any], mode: BridgeMode) -> str:
    """The text in its mode; the gate opens to a voice that is like an enrolled one, and to no other."""
    if mode == "gate":
        return text if speaker["band"] == "above" else ""
    if mode == "tag" and speaker["name"] is not None:
        return f"[{speaker['name']}] {text}"
    return text
