"""Shared by the commands: options, settings from them, and printing."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceprint.config import Settings, load_settings
from voiceprint.errors import ConfigError, VoiceprintError

if TYPE_CHECKING:
    from voiceprint.service.service import VoiceprintService

__all__ = [
    "add_json_option",
    "add_server_options",
    "add_store_options",
    "complain",
    "extra",
    "open_service",
    "print_json",
    "read_token",
    "settings_from",
]


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Add --data, --encoder, --models and what decides."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="where the sealed store is (index/, VOICEPRINT_DATA)")
    parser.add_argument("--encoder", metavar="ID", help="the encoder; a store keeps the one that it was made with")
    parser.add_argument(
        "--runtime",
        choices=("auto", "onnx", "speechbrain"),
        help="what runs the encoder: its ONNX export, made once, or SpeechBrain itself (auto, VOICEPRINT_RUNTIME)",
    )
    parser.add_argument(
        "--target-fpir",
        type=float,
        metavar="SHARE",
        help="at most this share of strangers gets a name (0.01, VOICEPRINT_TARGET_FPIR)",
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="FILE", help="made by 'voiceprint calibrate' (VOICEPRINT_CALIBRATION)"
    )
    add_models_option(parser)


def add_models_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="where fetched encoders are (pretrained_models/, VOICEPRINT_MODELS)"
    )


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add --server, --token-file and --ca: the running server that is asked."""
    parser.add_argument(
        "--server", default="http://127.0.0.1:5678", metavar="URL", help="the server (http://127.0.0.1:5678)"
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="a file that holds a token for that server")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the certificate that it is trusted by, PEM")


def read_token(file: Path | None) -> str | None:
    """The token in a file. Raises ConfigError."""
    try:
        return None if file is None else file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigError("bad_setting", f"The token file {file} cannot be read: {error}.") from error


@contextmanager
def extra(name: str) -> Iterator[None]:
    """A context for imports that an extra of the package brings. Raises ConfigError where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            "not_installed", f"This needs another package: pip install 'voiceprint[{name}]' ({error.name} is missing)."
        ) from error


def add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def settings_from(args: argparse.Namespace) -> Settings:
    """Settings from the given options, the environment and the defaults.

    Raises ConfigError.
    """
    return load_settings({name: getattr(args, name, None) for name in Settings.__struct_fields__})


def open_service(args: argparse.Namespace) -> "VoiceprintService":
    """The service over the store and encoder of the options.

    Raises SetupError, StoreError.
    """
    from voiceprint.service.factory import open_service as opening

    return opening(settings_from(args))


def print_json(message: Any, **more: object) -> None:  # noqa: ANN401 - any struct of the wire, or a dictionary
    """Print one object on one line; ``more`` comes first."""
    import msgspec

    fields = message if isinstance(message, dict) else msgspec.to_builtins(message)
    print(msgspec.json.encode({**more, **fields}).decode(), flush=True)


def complain(error: VoiceprintError, about: object) -> None:
    """Print one line on stderr about one of several things."""
    print(f"voiceprint: {about}: {error.message}", file=sys.stderr)
