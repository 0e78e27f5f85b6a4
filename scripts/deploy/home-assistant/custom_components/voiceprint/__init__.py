"""Voiceprint: which person is speaking, found while the recogniser listens."""

from typing import Any

import voluptuous as vol
from homeassistant.components import conversation
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .agent import VoiceprintAgent
from .const import DOMAIN
from .enrollment import Enrollment
from .runtime import Runtime

__all__ = ["async_setup", "async_setup_entry", "async_unload_entry"]

PLATFORMS = [Platform.SENSOR, Platform.STT]
CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
ENROLL = vol.Schema(
    {vol.Required("name"): cv.string, vol.Required("purpose"): cv.string, vol.Optional("entry_id"): cv.string}
)


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Register the service ``voiceprint.enroll``."""
    hass.data[DOMAIN] = {}

    async def enroll(call: ServiceCall) -> dict[str, Any]:
        runtime = _chosen(hass, call.data.get("entry_id"))
        if runtime.enrollment is not None:
            raise HomeAssistantError("Another enrollment is under way.")
        runtime.enrollment = Enrollment()
        try:
            return await runtime.enrollment.speaker(runtime.server, call.data["name"], call.data["purpose"])
        finally:
            runtime.enrollment = None

    hass.services.async_register(DOMAIN, "enroll", enroll, schema=ENROLL, supports_response=SupportsResponse.OPTIONAL)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Load an entry; the recogniser works also while the voiceprint server does not answer."""
    hass.data[DOMAIN][entry.entry_id] = runtime = Runtime(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    conversation.async_set_agent(hass, entry, VoiceprintAgent(hass, runtime))
    entry.async_on_unload(entry.add_update_listener(_reload))
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    conversation.async_unset_agent(hass, entry)
    unloaded: bool = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded:
        del hass.data[DOMAIN][entry.entry_id]
    return unloaded


async def _reload(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await hass.config_entries.async_reload(entry.entry_id)


def _chosen(hass: HomeAssistant, entry_id: str | None) -> Runtime:
    """The runtime of an entry, or of the only one. Raises HomeAssistantError."""
    loaded: dict[str, Runtime] = hass.data[DOMAIN]
    if entry_id is None and len(loaded) == 1:
        return next(iter(loaded.values()))
    if entry_id in loaded:
        return loaded[entry_id]
    raise HomeAssistantError("Say which entry of Voiceprint is meant: entry_id.")
