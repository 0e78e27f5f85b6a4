"""Speech recognition by another entity, with the speaker found beside it."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from homeassistant.components import stt
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddEntitiesCallback

from .const import CONF_PATIENCE, CONF_STT, DOMAIN
from .enrollment import MAX_BYTES
from .runtime import SPOKEN, Runtime, Spoken
from .utterance import Utterance

__all__ = ["VoiceprintSpeechToText", "async_setup_entry"]

PATIENCE_SECONDS = 1.0


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddEntitiesCallback) -> None:
    async_add_entities([VoiceprintSpeechToText(hass.data[DOMAIN][entry.entry_id])])


class VoiceprintSpeechToText(stt.SpeechToTextEntity):
    """The wrapped entity's texts, unchanged, also where no voiceprint server answers."""

    def __init__(self, runtime: Runtime) -> None:
        entry = runtime.entry
        self._runtime = runtime
        self._wrapped_id = entry.options.get(CONF_STT, entry.data[CONF_STT])
        self._attr_name = f"Voiceprint {self._wrapped_id.partition('.')[2].replace('_', ' ')}"
        self._attr_unique_id = f"{entry.entry_id}-stt"

    @property
    def supported_languages(self) -> list[str]:
        wrapped = self._wrapped
        return [] if wrapped is None else list(wrapped.supported_languages)

    @property
    def supported_formats(self) -> list[Any]:
        return [stt.AudioFormats.WAV]

    @property
    def supported_codecs(self) -> list[Any]:
        return [stt.AudioCodecs.PCM]

    @property
    def supported_bit_rates(self) -> list[Any]:
        return [stt.AudioBitRates.BITRATE_16]

    @property
    def supported_sample_rates(self) -> list[Any]:
        return [stt.AudioSampleRates.SAMPLERATE_16000]

    @property
    def supported_channels(self) -> list[Any]:
        return [stt.AudioChannels.CHANNEL_MONO]

    async def async_process_audio_stream(
        self, metadata: stt.SpeechMetadata, stream: AsyncIterable[bytes]
    ) -> stt.SpeechResult:
        """The wrapped entity's result; sensor, event and conversation agent know the speaker by then."""
        SPOKEN.set(None)
        wrapped = self._wrapped
        if wrapped is None:
            return stt.SpeechResult(None, stt.SpeechResultState.ERROR)
        tee = _Tee(Utterance(self._runtime.server))
        try:
            result = await wrapped.async_process_audio_stream(metadata, tee.through(stream))
            tee.utterance.finish()
            if result.result == stt.SpeechResultState.SUCCESS:
                await self._find_speaker(tee, said=bool(result.text))
        finally:
            tee.utterance.cancel()
        return result

    async def _find_speaker(self, tee: "_Tee", *, said: bool) -> None:
        runtime = self._runtime
        speaker = await tee.utterance.speaker(runtime.entry.options.get(CONF_PATIENCE, PATIENCE_SECONDS))
        if tee.utterance.refused:
            runtime.entry.async_start_reauth(self.hass)
        left = runtime.enrollment.hear(bytes(tee.audio)) if said and runtime.enrollment is not None else None
        SPOKEN.set(Spoken(runtime.tell(speaker), left))

    @property
    def _wrapped(self) -> stt.SpeechToTextEntity | None:
        wrapped = stt.async_get_speech_to_text_entity(self.hass, self._wrapped_id)
        return None if wrapped is self else wrapped


@dataclass
class _Tee:
    """Audio on its way to the recogniser, of which the utterance gets a copy."""

    utterance: Utterance
    audio: bytearray = field(default_factory=bytearray)

    async def through(self, stream: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for pcm in stream:
            self.utterance.feed(pcm)
            if len(self.audio) < MAX_BYTES:
                self.audio += pcm
            yield pcm
