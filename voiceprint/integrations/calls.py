"""The decision about one leg of a call, as every telephone server says it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from voiceprint.api.messages import Result
from voiceprint.client import VoiceprintClient
from voiceprint.errors import ConfigError
from voiceprint.integrations.lookup import Lookup

__all__ = ["CallDecision", "Decided", "LegDecider", "host_and_port", "say"]

RESULT_SECONDS = 10.0


class CallDecision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The speaker of a leg, without a score.

    ``leg``: the direction, where a call brings both; ``status``: ``unavailable`` where the server gave no decision.
    """

    call: str
    leg: str | None = None
    status: str
    speaker_id: str | None = None
    name: str | None = None
    band: str | None = None


Decided = Callable[[CallDecision], None]


class LegDecider:
    """What a server of calls asks about each of their legs. ``decided``: called once for each that brought audio."""

    def __init__(
        self,
        client: VoiceprintClient,
        decided: Decided,
        *,
        speech_seconds: float = 3.0,
        groups: Sequence[str] = (),
    ) -> None:
        """``speech_seconds``: speech after which is decided; less, at the end of the call."""
        self._client = client
        self._decided = decided
        self._speech_seconds = speech_seconds
        self._groups = groups

    def begin(
        self,
        call: str,
        *,
        sample_rate: int,
        encoding: str = "pcm_s16le",
        claimed_id: str | None = None,
        leg: str | None = None,
    ) -> "tuple[Lookup, asyncio.Task[None]]":
        """What the audio of a leg is fed to, and the task that waits for the decision and hands it on."""
        lookup = Lookup(
            self._client,
            groups=self._groups,
            claimed_id=claimed_id,
            encoding=encoding,
            sample_rate=sample_rate,
            enough_seconds=self._speech_seconds,
        )
        return lookup, asyncio.create_task(_decide(call, lookup, self._decided, leg))


def say(decision: CallDecision) -> None:
    """Print a decision, a JSON object on a line."""
    print(msgspec.json.encode(decision).decode(), flush=True)  # noqa: T201 - what the commands are for


def host_and_port(listen: str, scheme: str) -> tuple[str, int]:
    """Where to listen. Raises ConfigError for an address that cannot be used."""
    address = urlsplit(listen)
    with suppress(ValueError):
        if address.scheme == scheme and address.hostname and address.port is not None:
            return address.hostname, address.port
    raise ConfigError("bad_address", f"The address {listen!r:.60} cannot be used: it must be {scheme}://HOST:PORT.")


async def _decide(call: str, lookup: Lookup, decided: Decided, leg: str | None) -> None:
    await lookup.finished()
    decided(_without_scores(call, leg, await lookup.result(RESULT_SECONDS)))


def _without_scores(call: str, leg: str | None, result: Result | None) -> CallDecision:
    if result is None:
        return CallDecision(call=call, leg=leg, status="unavailable")
    speaker = result.speaker or result.claimed_speaker
    speaker_id, name = (None, None) if speaker is None else (speaker.id, speaker.name)
    return CallDecision(call=call, leg=leg, status=result.status, speaker_id=speaker_id, name=name, band=result.band)
