"""Errors that a person can act on, by what they concern.

::

    VoiceprintError
    ├── InputError            exit 2   the input cannot be used; nothing was changed
    │   ├── AudioError        the recording itself: empty, not audio, too long, damaged
    │   ├── SpeechError       the recording is sound, its speech too short or not usable
    │   ├── SpeakerError      the name or the id: unknown, taken, not usable
    │   ├── MessageError      the wire: unknown type, wrong order, wrong rate
    │   ├── AccessError       the caller: no token, an invalid one, or one without the right
    │   └── LimitError        over a limit of this server
    ├── SetupError            exit 3   configuration, key or model: fix it and start again
    │   ├── ConfigError
    │   ├── KeyFileError
    │   └── ModelError
    └── StoreError            exit 4   the data on disk

Each error carries a stable ``code`` for programs and one clear sentence for people. An
uncertain decision (``unknown``, ``ambiguous``, ``not_enough_speech``) is an answer, never an error.
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
    """Base class: stable ``code``, ``message`` of one sentence, exit code."""

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
        """Pickled form: errors leave the decoder process, where the default would lose the code."""
        return (type(self), (self.code, self.message))


class InputError(VoiceprintError):
    """The input cannot be used; nothing was changed."""

    exit_code = 2


class AudioError(InputError):
    """A recording that is empty, no audio, too long or damaged."""


class SpeechError(InputError):
    """Speech that is too short or not usable, in a sound recording."""


class SpeakerError(InputError):
    """A name or id that is unknown, taken or not usable."""


class MessageError(InputError):
    """A message of unknown type, in the wrong order or with the wrong sample rate."""


class AccessError(InputError):
    """A caller without a valid token or without the right."""


class LimitError(InputError):
    """A request over a limit. ``retry_seconds``: wait until it may succeed, where known."""

    def __init__(self, code: str, message: str, *, retry_seconds: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_seconds = retry_seconds


class SetupError(VoiceprintError):
    """Configuration, key or model: to be fixed before the next start."""

    exit_code = 3


class ConfigError(SetupError):
    """A setting out of its range."""


class KeyFileError(SetupError):
    """A master key that is missing, unsafe or wrong."""


class ModelError(SetupError):
    """An encoder that is missing, damaged or not the store's."""


class StoreError(VoiceprintError):
    """The data on disk: damaged, unwritable, full or busy."""

    exit_code = 4
