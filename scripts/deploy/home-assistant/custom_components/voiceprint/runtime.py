"""What the platforms of one entry share."""

from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.dispatcher import async_dispatcher_send

from .const import CONF_FINGERPRINT, CONF_PEOPLE, DOMAIN, EVENT_SPEAKER
from .enrollment import Enrollment
from .server import Server
from .utterance import Speaker

__all__ = ["SPOKEN", "Runtime", "Spoken", "server_of"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """``sentences_left``: of an enrollment that the utterance belongs to, else None."""

    speaker: Speaker
    sentences_left: int | None = None


# A pipeline runs speech recognition and conversation in one task, one after the other: what was spoken goes with it,
# and utterances of two satellites cannot be taken for each other.
SPOKEN: ContextVar[Spoken | None] = ContextVar(DOMAIN, default=None)


def server_of(hass: HomeAssistant, data: dict[str, Any]) -> Server:
    """The server of an entry's data."""
    return Server(
        async_get_clientsession(hass),
        data["url"],
        token=data.get("token") or None,
        fingerprint=data.get(CONF_FINGERPRINT) or None,
    )


class Runtime:
    """An entry while it is loaded. ``enrollment``: the one under way."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        self.entry = entry
        self.server = server_of(hass, dict(entry.data))
        self.enrollment: Enrollment | None = None
        self._hass = hass

    @property
    def signal(self) -> str:
        """The dispatcher's signal for each new speaker."""
        return f"{DOMAIN}_{self.entry.entry_id}"

    def tell(self, speaker: Speaker) -> Speaker:
        """The speaker with the person of the options; sensor and event are told."""
        people = self.entry.options.get(CONF_PEOPLE, {})
        person = next((person for person, one in people.items() if speaker.id is not None and one == speaker.id), None)
        speaker = replace(speaker, person=person)
        async_dispatcher_send(self._hass, self.signal, speaker)
        self._hass.bus.async_fire(EVENT_SPEAKER, {"entry_id": self.entry.entry_id, **asdict(speaker)})
        return speaker
