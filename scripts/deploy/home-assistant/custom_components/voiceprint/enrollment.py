"""Enrollment from a satellite: three sentences, heard by the microphone that will hear the commands."""

import asyncio

from homeassistant.exceptions import HomeAssistantError

from .server import RATE, Server, ServerError

__all__ = ["SENTENCES", "Enrollment"]

SENTENCES = 3
WAIT_SECONDS = 180
MAX_BYTES = 30 * 2 * RATE


class Enrollment:
    """The sentences of a person, in memory until there are enough of them, and nowhere else."""

    def __init__(self) -> None:
        self._sentences: list[bytes] = []
        self._whole = asyncio.Event()

    def hear(self, pcm: bytes) -> int:
        """How many sentences are still needed after this one."""
        if not self._whole.is_set():
            self._sentences.append(pcm[:MAX_BYTES])
        if len(self._sentences) == SENTENCES:
            self._whole.set()
        return SENTENCES - len(self._sentences)

    async def speaker(self, server: Server, name: str, purpose: str) -> dict[str, str]:
        """The new speaker, ``speaker_id`` and ``name``. Raises HomeAssistantError with one sentence."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._whole.wait()
            speaker = await server.enroll(name, purpose, self._sentences)
        except TimeoutError as error:
            raise HomeAssistantError(f"{SENTENCES} sentences did not come in {WAIT_SECONDS} seconds.") from error
        except ServerError as error:
            raise HomeAssistantError(str(error)) from error
        return {"speaker_id": speaker["id"], "name": speaker["name"]}
