"""Names of the settings and events."""

__all__ = [
    "CONF_AGENTS",
    "CONF_FINGERPRINT",
    "CONF_PATIENCE",
    "CONF_PEOPLE",
    "CONF_SET_USER",
    "CONF_STT",
    "DOMAIN",
    "EVENT_SPEAKER",
]

DOMAIN = "voiceprint"
# Data of an entry, beside its url and token.
CONF_FINGERPRINT = "fingerprint"
CONF_STT = "stt_entity"
# Options of an entry: speaker ids and conversation agents, both by person entity.
CONF_PEOPLE = "people"
CONF_AGENTS = "agents"
CONF_SET_USER = "set_user"
CONF_PATIENCE = "patience"

EVENT_SPEAKER = "voiceprint_speaker"
