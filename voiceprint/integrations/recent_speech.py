"""What was spoken since the last transcript, for programs that tell where a transcript ends and not where it began."""

from collections.abc import Sequence

from voiceprint.client import VoiceprintClient
from voiceprint.integrations.lookup import Lookup, speaker_of

__all__ = ["RecentSpeech"]

MAX_SECONDS = 15
FRAME_BYTES = 2**14


class RecentSpeech:
    """Audio, 16 bit and mono, in memory until a transcript comes. ``patience``: seconds it waits for its speaker."""

    def __init__(self, client: VoiceprintClient, *, groups: Sequence[str] = (), patience: float = 1.0) -> None:
        self._client = client
        self._groups = groups
        self._patience = patience
        self._audio = bytearray()
        self._rate = 0

    def feed(self, pcm: bytes, rate: int) -> None:
        """More audio, at ``rate`` Hz; the oldest is left out where there is too much."""
        if rate != self._rate:
            self._audio.clear()
            self._rate = rate
        self._audio += pcm
        del self._audio[: max(0, len(self._audio) - 2 * rate * MAX_SECONDS)]

    async def speaker(self) -> dict[str, str | None]:
        """The speaker of what was heard (id, name, status, band), which is heard no longer after this."""
        audio = bytes(self._audio)
        self._audio.clear()
        if not audio:
            return {**speaker_of(None), "status": "not_enough_speech"}
        lookup = Lookup(self._client, groups=self._groups, sample_rate=self._rate)
        for at in range(0, len(audio), FRAME_BYTES):
            lookup.feed(audio[at : at + FRAME_BYTES])
        lookup.finish()
        return speaker_of(await lookup.result(self._patience))
