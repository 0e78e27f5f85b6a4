"""A conversation agent that hands each sentence to the agent of the person that spoke it."""

from typing import Literal

from homeassistant.components import conversation
from homeassistant.components.conversation import (
    HOME_ASSISTANT_AGENT,
    AbstractConversationAgent,
    ConversationInput,
    ConversationResult,
)
from homeassistant.const import MATCH_ALL
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import intent

from .const import CONF_AGENTS, CONF_SET_USER
from .runtime import SPOKEN, Runtime, Spoken

__all__ = ["VoiceprintAgent"]


class VoiceprintAgent(AbstractConversationAgent):
    """Persons without an agent of their own, and voices without a person, get Home Assistant's."""

    def __init__(self, hass: HomeAssistant, runtime: Runtime) -> None:
        self._hass = hass
        self._runtime = runtime

    @property
    def supported_languages(self) -> list[str] | Literal["*"]:
        return MATCH_ALL

    async def async_process(self, user_input: ConversationInput) -> ConversationResult:
        spoken = SPOKEN.get()
        SPOKEN.set(None)  # a sentence that is typed next has no speaker
        if spoken is not None and spoken.sentences_left is not None:
            return _heard(user_input, spoken.sentences_left)
        person = None if spoken is None else spoken.speaker.person
        agents = self._runtime.entry.options.get(CONF_AGENTS, {})
        return await conversation.async_converse(
            self._hass,
            user_input.text,
            user_input.conversation_id,
            self._context(user_input.context, spoken),
            language=user_input.language,
            agent_id=agents.get(person, HOME_ASSISTANT_AGENT),
            device_id=user_input.device_id,
        )

    def _context(self, context: Context, spoken: Spoken | None) -> Context:
        """The context as it came, unless the options say that a voice may stand for the user of its person."""
        if spoken is None or spoken.speaker.person is None or not self._runtime.entry.options.get(CONF_SET_USER):
            return context
        person = self._hass.states.get(spoken.speaker.person)
        user_id = None if person is None else person.attributes.get("user_id")
        return context if user_id is None else Context(user_id=user_id, parent_id=context.id)


def _heard(user_input: ConversationInput, left: int) -> ConversationResult:
    """The answer to a sentence of an enrollment, which is no command."""
    response = intent.IntentResponse(language=user_input.language)
    response.async_set_speech(
        f"Thank you. {left} more, please." if left else "Thank you. These were all sentences that I need."
    )
    return ConversationResult(response=response, conversation_id=user_input.conversation_id)
