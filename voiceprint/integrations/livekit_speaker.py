"""A recogniser of LiveKit Agents around another one, which fills the speaker in. It needs the package livekit-agents.

::

    async with VoiceprintClient("http://127.0.0.1:5678") as client:
        session = AgentSession(stt=SpeakerSTT(deepgram.STT(), client), ...)
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from livekit import rtc
from livekit.agents import stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import AudioBuffer

from voiceprint.client import VoiceprintClient
from voiceprint.integrations.recent_speech import RecentSpeech

__all__ = ["SpeakerSTT"]


class SpeakerSTT(stt.STT[Any]):
    """The wrapped recogniser's events. Those with a final transcript tell the speaker.

    Each alternative gets ``metadata["speaker"]``, ``{"id", "name", "status", "band"}`` without a score, and an
    identified speaker's id as ``speaker_id``. Its text stays, also where no voiceprint server answers.
    """

    def __init__(
        self, wrapped: "stt.STT[Any]", client: VoiceprintClient, *, groups: Sequence[str] = (), patience: float = 1.0
    ) -> None:
        """``groups``: only their speakers are searched; ``patience``: seconds that a transcript waits."""
        super().__init__(capabilities=wrapped.capabilities)
        self._wrapped = wrapped
        self._recognize_metrics_needed = False  # the wrapped one tells them
        self._heard = partial(RecentSpeech, client, groups=groups, patience=patience)

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str], conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        event = await self._wrapped.recognize(buffer, language=language, conn_options=conn_options)
        recent = self._heard()
        for frame in buffer if isinstance(buffer, list) else [buffer]:
            _feed(recent, frame)
        await _name(event, recent)
        return event

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> "_SpeakerStream":
        begin = partial(self._wrapped.stream, language=language, conn_options=conn_options)
        return _SpeakerStream(self, begin, self._heard(), conn_options)

    async def aclose(self) -> None:
        await self._wrapped.aclose()


class _SpeakerStream(stt.RecognizeStream):
    """``begin``: makes a stream of the wrapped recogniser, anew after it has failed."""

    def __init__(
        self,
        outer: SpeakerSTT,
        begin: "partial[stt.RecognizeStream]",
        recent: RecentSpeech,
        conn_options: APIConnectOptions,
    ) -> None:
        self._begin = begin
        self._recent = recent
        super().__init__(stt=outer, conn_options=conn_options)

    async def _run(self) -> None:
        wrapped = self._begin()
        forwarding = asyncio.create_task(self._forward(wrapped))
        try:
            async for event in wrapped:
                if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                    await _name(event, self._recent)
                self._event_ch.send_nowait(event)
        finally:
            forwarding.cancel()
            await wrapped.aclose()

    async def _forward(self, wrapped: stt.RecognizeStream) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                _feed(self._recent, item)
                wrapped.push_frame(item)
            else:
                wrapped.flush()
        wrapped.end_input()


def _feed(recent: RecentSpeech, frame: rtc.AudioFrame) -> None:
    if frame.num_channels == 1:
        recent.feed(frame.data.tobytes(), frame.sample_rate)


async def _name(event: stt.SpeechEvent, recent: RecentSpeech) -> None:
    speaker = await recent.speaker()
    for said in event.alternatives:
        said.metadata = {**(said.metadata or {}), "speaker": speaker}
        if speaker["status"] == "identified":
            said.speaker_id = speaker["id"]
