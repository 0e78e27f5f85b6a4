"""Set-up: the server, and the recogniser that is wrapped."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol
from homeassistant.config_entries import ConfigEntry, ConfigFlow, OptionsFlow
from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowResult
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import CONF_FINGERPRINT, CONF_STT, DOMAIN
from .options_flow import VoiceprintOptionsFlow
from .runtime import server_of
from .server import AUTH_CODES, ServerError

__all__ = ["VoiceprintConfigFlow"]

_FINGERPRINT = re.compile(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}")
_SECRET = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
_SERVER = {
    vol.Required("url", default="http://127.0.0.1:5678"): TextSelector(TextSelectorConfig(type=TextSelectorType.URL)),
    vol.Optional("token"): _SECRET,
    vol.Optional(CONF_FINGERPRINT): TextSelector(),
}
_WRAPPED = {vol.Required(CONF_STT): EntitySelector(EntitySelectorConfig(domain="stt"))}


class VoiceprintConfigFlow(ConfigFlow, domain=DOMAIN):  # type: ignore[call-arg]  # Home Assistant's own
    """A server and a recogniser make an entry."""

    VERSION = 1

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> FlowResult:
        """The form, until the server has answered."""
        errors: dict[str, str] = {}
        if user_input is not None and not (errors := await self._errors(user_input)):
            await self.async_set_unique_id(f"{urlsplit(user_input['url']).netloc} {user_input[CONF_STT]}")
            self._abort_if_unique_id_configured()
            return self.async_create_entry(title="Voiceprint", data=user_input)
        schema = self.add_suggested_values_to_schema(vol.Schema({**_SERVER, **_WRAPPED}), user_input)
        return self.async_show_form(step_id="user", data_schema=schema, errors=errors)

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> FlowResult:
        """The server does not take the token any more."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> FlowResult:
        entry = self.hass.config_entries.async_get_entry(self.context["entry_id"])
        errors: dict[str, str] = {}
        if user_input is not None and not (errors := await self._errors({**entry.data, **user_input})):
            self.hass.config_entries.async_update_entry(entry, data={**entry.data, **user_input})
            await self.hass.config_entries.async_reload(entry.entry_id)
            return self.async_abort(reason="reauth_successful")
        schema = vol.Schema({vol.Required("token"): _SECRET})
        return self.async_show_form(step_id="reauth_confirm", data_schema=schema, errors=errors)

    async def _errors(self, given: dict[str, Any]) -> dict[str, str]:
        """Errors by field; none where the server answers and takes the token."""
        if urlsplit(given["url"]).scheme not in ("http", "https") or not urlsplit(given["url"]).hostname:
            return {"url": "bad_url"}
        if given.get(CONF_FINGERPRINT) and not _FINGERPRINT.fullmatch(given[CONF_FINGERPRINT]):
            return {CONF_FINGERPRINT: "bad_fingerprint"}
        try:
            await server_of(self.hass, given).check()
        except ServerError as error:
            return {"base": _shown(error.code)}
        return {}

    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        return VoiceprintOptionsFlow(config_entry)


def _shown(code: str) -> str:
    """The key of a sentence in translations/."""
    if code in AUTH_CODES:
        return "invalid_auth"
    return code if code in ("wrong_fingerprint", "bad_certificate", "not_voiceprint") else "cannot_connect"
