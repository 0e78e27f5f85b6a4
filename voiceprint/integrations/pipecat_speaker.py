"""A Pipecat processor that fills the speaker into transcripts. It needs the package pipecat-ai.

::

    async with VoiceprintClient("http://127.0.0.1:5678") as client:
        Pipeline([transport.input(), stt, SpeakerProcessor(client), user_aggregator, llm, tts, transport.output()])
"""

from collections.abc import Sequence

from pipecat.frames.frames import Frame, InputAudioRawFrame, TranscriptionFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voiceprint.client import VoiceprintClient
from voiceprint.integrations.recent_speech import RecentSpeech

__all__ = ["SpeakerProcessor"]


class SpeakerProcessor(FrameProcessor):
    """Stands behind the recogniser, which hands the audio on (``audio_passthrough``, as it does by itself).

    Each final transcript gets ``metadata["speaker"]``, ``{"id", "name", "status", "band"}`` without a score, and an
    identified speaker's id as ``user_id``. Its text stays, also where no voiceprint server answers.
    """

    def __init__(self, client: VoiceprintClient, *, groups: Sequence[str] = (), patience: float = 1.0) -> None:
        """``groups``: only their speakers are searched; ``patience``: seconds that a transcript waits."""
        super().__init__()
        self._recent = RecentSpeech(client, groups=groups, patience=patience)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame) and frame.num_channels == 1:
            self._recent.feed(frame.audio, frame.sample_rate)
        elif isinstance(frame, TranscriptionFrame):
            await self._fill(frame)
        await self.push_frame(frame, direction)

    async def _fill(self, frame: TranscriptionFrame) -> None:
        speaker = await self._recent.speaker()
        frame.metadata["speaker"] = speaker
        if speaker["status"] == "identified":
            frame.user_id = speaker["id"]
