"""Options: the recogniser, and which speaker is which person."""

from typing import Any

import voluptuous as vol
from homeassistant.config_entries import ConfigEntry, OptionsFlow
from homeassistant.data_entry_flow import FlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    ConversationAgentSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
)

from .const import CONF_AGENTS, CONF_PATIENCE, CONF_PEOPLE, CONF_SET_USER, CONF_STT, DOMAIN
from .server import ServerError

__all__ = ["VoiceprintOptionsFlow"]

_AGENT = " agent"


class VoiceprintOptionsFlow(OptionsFlow):
    """Two forms: what is wrapped, and the persons, each with a speaker and an agent."""

    def __init__(self, entry: ConfigEntry) -> None:
        self._entry = entry
        self._given: dict[str, Any] = {}

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> FlowResult:
        now = {CONF_STT: self._entry.data[CONF_STT], CONF_PATIENCE: 1.0, CONF_SET_USER: False, **self._entry.options}
        own = [entity for entity in self.hass.states.async_entity_ids("stt") if self._is_own(entity)]
        if user_input is not None:
            self._given = user_input
            return await self.async_step_people()
        seconds = NumberSelectorConfig(min=0, max=10, step=0.1, unit_of_measurement="s")
        schema = {
            vol.Required(CONF_STT): EntitySelector(EntitySelectorConfig(domain="stt", exclude_entities=own)),
            vol.Required(CONF_PATIENCE): NumberSelector(seconds),
            vol.Required(CONF_SET_USER): BooleanSelector(),
        }
        return self.async_show_form(
            step_id="init", data_schema=self.add_suggested_values_to_schema(vol.Schema(schema), now)
        )

    async def async_step_people(self, user_input: dict[str, Any] | None = None) -> FlowResult:
        persons = self.hass.states.async_entity_ids("person")
        errors: dict[str, str] = {}
        if user_input is not None:
            chosen = {person: user_input[person] for person in persons if user_input.get(person)}
            agents = {person: user_input[person + _AGENT] for person in persons if user_input.get(person + _AGENT)}
            if self._entry.entry_id in agents.values():
                errors["base"] = "own_agent"
            elif len(set(chosen.values())) < len(chosen):
                errors["base"] = "same_speaker"
            else:
                return self.async_create_entry(title="", data={**self._given, CONF_PEOPLE: chosen, CONF_AGENTS: agents})
        schema = vol.Schema(await self._fields(persons))
        shown = self._now() if user_input is None else user_input
        return self.async_show_form(
            step_id="people", data_schema=self.add_suggested_values_to_schema(schema, shown), errors=errors
        )

    async def _fields(self, persons: list[str]) -> dict[Any, Any]:
        """A speaker and an agent for each person; ids are typed where the token may not list speakers."""
        try:
            known = await self.hass.data[DOMAIN][self._entry.entry_id].server.speakers()
        except ServerError:
            known = {}
        options = [{"value": speaker_id, "label": name} for speaker_id, name in known.items()]
        speaker = SelectSelector(SelectSelectorConfig(options=options, custom_value=True))
        fields: dict[Any, Any] = {}
        for person in persons:
            fields |= {vol.Optional(person): speaker, vol.Optional(person + _AGENT): ConversationAgentSelector({})}
        return fields

    def _now(self) -> dict[str, str]:
        agents = self._entry.options.get(CONF_AGENTS, {})
        return {**self._entry.options.get(CONF_PEOPLE, {}), **{person + _AGENT: one for person, one in agents.items()}}

    def _is_own(self, entity_id: str) -> bool:
        from homeassistant.helpers import entity_registry

        entity = entity_registry.async_get(self.hass).async_get(entity_id)
        return entity is not None and entity.config_entry_id == self._entry.entry_id
