"""The last speaker, as a sensor."""

from typing import Any

from homeassistant.components.sensor import SensorEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddEntitiesCallback

from .const import DOMAIN
from .runtime import Runtime
from .utterance import UNAVAILABLE, Speaker

__all__ = ["SpeakerSensor", "async_setup_entry"]


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddEntitiesCallback) -> None:
    async_add_entities([SpeakerSensor(hass.data[DOMAIN][entry.entry_id])])


class SpeakerSensor(SensorEntity):
    """The name of the last speaker; ``unknown`` for a voice without one, ``unavailable`` where the server gave none."""

    _attr_name = "Voiceprint speaker"
    _attr_icon = "mdi:account-voice"
    _attr_should_poll = False

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._attr_unique_id = f"{runtime.entry.entry_id}-speaker"

    async def async_added_to_hass(self) -> None:
        self.async_on_remove(async_dispatcher_connect(self.hass, self._runtime.signal, self._show))

    @callback
    def _show(self, speaker: Speaker) -> None:
        self._attr_available = speaker != UNAVAILABLE
        self._attr_native_value = speaker.name
        attributes: dict[str, Any] = {"status": speaker.status, "speaker_id": speaker.id, "person": speaker.person}
        self._attr_extra_state_attributes = attributes
        self.async_write_ha_state()
