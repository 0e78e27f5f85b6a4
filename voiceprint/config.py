"""Settings: one frozen object; the command line wins over ``VOICEPRINT_*`` variables, those over the defaults."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from voiceprint.errors import ConfigError
from voiceprint.resources import home

__all__ = ["WEBHOOK_EVENTS", "Settings", "load_settings"]

# The types of events that a webhook can ask for, in ``webhook_events`` separated by commas.
WEBHOOK_EVENTS = ("watchlist_hit", "decision", "recording")

_PREFIX = "VOICEPRINT_"
# Scheme, host and, where it is not the scheme's own, port: nothing that a browser would not say.
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[1-9][0-9]{0,4})?")
# No settings: a key file among the usual places, and a name for ``env:`` to read a key from.
_OTHER_VARIABLES = frozenset({"VOICEPRINT_KEY_FILE", "VOICEPRINT_MASTER_KEY"})


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an operator can set. Units are in the names."""

    data: Path = msgspec.field(default_factory=lambda: home() / "index")
    store: str | None = None
    key: str | None = None
    old_key: str | None = None
    models: Path = msgspec.field(default_factory=lambda: home() / "pretrained_models")
    encoder: str | None = None
    runtime: Literal["auto", "onnx", "speechbrain"] = "auto"
    host: str = "127.0.0.1"
    port: int = 5678
    behind_proxy: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    lan: bool = False
    oidc: Path | None = None
    log_json: bool = False

    target_fpir: float = 0.01
    calibration: Path | None = None
    min_identify_speech_seconds: float = 1.0
    min_enroll_speech_seconds: float = 2.0

    embed_origins: str = ""

    webhook_url: str | None = None
    webhook_group: str = "watchlist"
    webhook_events: str = "watchlist_hit"
    webhook_secret_file: Path | None = None
    webhook_private: bool = False

    memory_megabytes: int | None = None
    require_consent: bool = False
    add_to_others: bool = False
    unseen_days: int = 3 * 365
    audit_days: int = 365

    max_upload_bytes: int = 32 * 1024 * 1024
    max_audio_seconds: float = 600.0
    max_stream_seconds: float = 300.0
    max_streams: int = 16
    max_connections: int = 2048
    max_connections_per_address: int = 1024
    max_uploads: int = 8
    max_recording_bytes: int = 2 * 1024**3
    max_recording_seconds: float = 12 * 3600.0
    keep_recordings_minutes: int = 60
    keep_unnamed_voices: bool = True
    max_ahead_seconds: float = 60.0
    max_answers_per_hour: int = 3600
    max_claims_per_hour: int = 120
    max_decoding_seconds_per_hour: int = 600

    @property
    def place(self) -> Path | str:
        """Where the store is: the address of a database, else the data folder."""
        return self.data if self.store is None else self.store

    @property
    def where(self) -> str:
        """The place as people are told it, without user and password."""
        return str(self.data) if self.store is None else re.sub(r"//[^@/]*@", "//", self.store).split("?")[0]

    @property
    def address(self) -> str:
        """Where to listen: ``lan`` opens all addresses, unless one was chosen."""
        return "0.0.0.0" if self.lan and self.host == "127.0.0.1" else self.host  # noqa: S104 - asked for by name

    @property
    def embedding(self) -> frozenset[str]:
        """The origins of the pages elsewhere that may ask, each as a browser says it."""
        return frozenset(name.strip() for name in self.embed_origins.split(",") if name.strip())

    @property
    def webhook_types(self) -> frozenset[str]:
        """The types of events that the webhook is told."""
        return frozenset(name.strip() for name in self.webhook_events.split(","))

    def __post_init__(self) -> None:
        if self.store is not None and not self.store.startswith(("postgresql://", "postgres://")):
            raise ConfigError("bad_setting", "store is the address of a database: postgresql://USER@HOST/DATABASE.")
        if not 0 <= self.port <= 65535:
            raise ConfigError("bad_port", f"The port must lie between 0 and 65535, not {self.port}.")
        if not 0 < self.target_fpir < 0.5:
            raise ConfigError(
                "bad_setting",
                f"target_fpir must lie between 0 and 0.5, not {self.target_fpir}; 0.01 is one in a hundred.",
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("bad_setting", "tls_cert and tls_key belong together: give both, or none.")
        if self.memory_megabytes is not None and self.memory_megabytes < 1:
            raise ConfigError("bad_setting", f"memory_megabytes must be positive, not {self.memory_megabytes}.")
        for origin in self.embedding:
            if _ORIGIN.fullmatch(origin) is None:
                raise ConfigError(
                    "bad_setting",
                    f"embed_origins takes origins (https://intranet.example) with commas between, not {origin!r:.50}.",
                )
        if self.webhook_url is not None and not self.webhook_url.startswith(("https://", "http://")):
            raise ConfigError("bad_setting", "webhook_url must begin with https:// or http://.")
        if unknown := sorted(self.webhook_types - set(WEBHOOK_EVENTS)):
            raise ConfigError(
                "bad_setting", f"webhook_events knows {', '.join(WEBHOOK_EVENTS)}, not {unknown[0]!r:.40}."
            )
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name.startswith(("min_", "max_")) and not 0 < value < float("inf"):
                raise ConfigError("bad_setting", f"{name} must be a positive number, not {value}.")


def load_settings(given: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from ``given`` (values that are None count as not given) over the environment over the defaults.

    Raises ConfigError for a variable that no setting has, or a value that does not fit.
    """
    values: dict[str, Any] = dict(_from_environment(os.environ if environ is None else environ))
    values.update({name: value for name, value in (given or {}).items() if value is not None})
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        raise ConfigError("bad_setting", f"The settings cannot be used: {error}.") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for variable, value in environ.items():
        if not variable.startswith(_PREFIX) or variable in _OTHER_VARIABLES:
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name not in Settings.__struct_fields__:
            raise ConfigError("unknown_setting", f"{variable} is not a setting; 'voiceprint serve --help' lists them.")
        found[name] = value
    return found


def _decode_path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError
