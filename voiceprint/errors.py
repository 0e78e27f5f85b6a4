"""Everything that can go wrong and that a person can do something about.

::

    VoiceprintError
    ├── InputError            exit 2   what was sent cannot be used; nothing was changed
    │   ├── AudioError        the recording itself: empty, not audio, too long, damaged
    │   ├── SpeechError       the recording is fine, the speech in it is not enough or not usable
    │   ├── SpeakerError      the name or the id: unknown, taken, not usable
    │   ├── MessageError      the wire: unknown type, wrong order, wrong rate
    │   ├── AccessError       who asks: no token, one that is not valid, or one that does not allow this
    │   └── LimitError        more than this server takes at once
    ├── SetupError            exit 3   configuration, key or model: fix it and start again
    │   ├── ConfigError
    │   ├── KeyFileError
    │   └── ModelError
    └── StoreError            exit 4   the data on disk

Each error carries a stable ``code`` for programs and one clear sentence for people. "Not sure" is an answer
(``unknown``, ``ambiguous``, ``not_enough_speech``), never one of these.
"""

from typing import ClassVar

__all__ = [
    "AccessError",
    "AudioError",
    "ConfigError",
    "InputError",
    "KeyFileError",
    "LimitError",
    "MessageError",
    "ModelError",
    "SetupError",
    "SpeakerError",
    "SpeechError",
    "StoreError",
    "VoiceprintError",
]


class VoiceprintError(Exception):
    """Base of all: ``code`` (snake_case, stable), ``message`` (one sentence) and ``exit_code``."""

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def told(self) -> str:
        """What a caller over the network reads: no path, no key and no setting of this machine."""
        return self.message if isinstance(self, InputError) else f"The server cannot do this now ({self.code})."

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders (the decoder child), where the default would lose the code."""
        return (type(self), (self.code, self.message))


class InputError(VoiceprintError):
    exit_code = 2


class AudioError(InputError):
    pass


class SpeechError(InputError):
    pass


class SpeakerError(InputError):
    pass


class MessageError(InputError):
    pass


class AccessError(InputError):
    pass


class LimitError(InputError):
    """``retry_seconds``: after how long the same may work, where that is known."""

    def __init__(self, code: str, message: str, *, retry_seconds: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_seconds = retry_seconds


class SetupError(VoiceprintError):
    exit_code = 3


class ConfigError(SetupError):
    pass


class KeyFileError(SetupError):
    pass


class ModelError(SetupError):
    pass


class StoreError(VoiceprintError):
    exit_code = 4
