"""Shared by the commands: options, settings from them, and printing."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from voiceprint.config import Settings, load_settings
from voiceprint.errors import ConfigError, VoiceprintError

if TYPE_CHECKING:
    from voiceprint.audio.channels import Choice

__all__ = [
    "add_call_options",
    "add_choice_options",
    "add_data_option",
    "add_json_option",
    "add_key_options",
    "add_models_option",
    "add_server_options",
    "add_store_options",
    "call_options",
    "check_address",
    "choice_from",
    "complain",
    "counted",
    "extra",
    "print_json",
    "reaches_others",
    "read_token",
    "refuse",
    "settings_from",
    "shown",
]


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Add --data, --encoder, --models and what decides."""
    add_data_option(parser)
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


def add_data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="where the sealed store is (index/ of one home, VOICEPRINT_DATA)",
    )
    parser.add_argument(
        "--store",
        metavar="ADDRESS",
        help="a PostgreSQL database in its place: postgresql://USER@HOST/DATABASE (VOICEPRINT_STORE)",
    )
    add_key_options(parser)


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """Add --key and --old-key: the sources of the master key."""
    parser.add_argument(
        "--key",
        metavar="SOURCE",
        help="where the master key is: file:PATH, credential:NAME, env:NAME or command:WORDS (VOICEPRINT_KEY)",
    )
    parser.add_argument(
        "--old-key", metavar="SOURCE", help="where the one before it is, until 'key rotate' (VOICEPRINT_OLD_KEY)"
    )


def add_models_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        type=Path,
        metavar="DIR",
        help="where fetched encoders are (pretrained_models/ beside it, VOICEPRINT_MODELS)",
    )


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """--channel and --track: which part of a recording to hear."""
    parser.add_argument("--channel", type=_natural, metavar="N", help="hear this channel alone, as of a call (1: left)")
    parser.add_argument("--track", type=_natural, metavar="N", help="hear this audio track of a video alone")


def choice_from(args: argparse.Namespace) -> "Choice":
    """What --channel and --track say."""
    from voiceprint.audio.channels import Choice

    return Choice(track=args.track, channel=args.channel)


def _natural(given: str) -> int:
    number = int(given)
    if number < 1:
        raise ValueError(given)
    return number


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add --server, --token-file and --ca: the running server that is asked."""
    parser.add_argument(
        "--server", default="http://127.0.0.1:5678", metavar="URL", help="the server (http://127.0.0.1:5678)"
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="a file that holds a token for that server")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the certificate that it is trusted by, PEM")


def add_call_options(parser: argparse.ArgumentParser, *, listen: str, metavar: str, open_network: str) -> None:
    """Add what both servers of calls take. ``listen``: the usual address; ``open_network``: help of that option."""
    parser.add_argument("--listen", default=listen, metavar=metavar, help=f"where to listen ({listen})")
    parser.add_argument("--group", action="append", default=[], metavar="GROUP", help="search only its speakers")
    parser.add_argument(
        "--speech-seconds", type=float, default=3.0, metavar="SECONDS", help="decide after so much speech (3)"
    )
    parser.add_argument("--open-network", action="store_true", help=open_network)
    add_server_options(parser)


def call_options(args: argparse.Namespace) -> dict[str, Any]:
    """What both servers of calls are started with. Raises ConfigError."""
    check_address(args.listen, open_network=args.open_network)
    return {
        "server": args.server,
        "token": read_token(args.token_file),
        "ca": args.ca,
        "speech_seconds": args.speech_seconds,
        "groups": tuple(args.group),
    }


def read_token(file: Path | None) -> str | None:
    """The token in a file. Raises ConfigError."""
    try:
        return None if file is None else file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigError("bad_setting", f"The token file {file} cannot be read: {error}.") from error


def check_address(listen: str, *, open_network: bool) -> None:
    """Refuse an address that other machines reach, unless it is asked for. Raises ConfigError."""
    if not open_network and reaches_others(listen):
        host = urlsplit(listen).hostname or repr(listen)
        raise ConfigError(
            "exposed", f"Listening on {host} lets every machine there connect: say --open-network for that."
        )


def reaches_others(listen: str) -> bool:
    """Whether other machines can connect to what listens on a ``tcp://`` or ``unix://`` address."""
    address = urlsplit(listen)
    host = address.hostname or ""
    try:
        return address.scheme != "unix" and host != "localhost" and not ip_address(host).is_loopback
    except ValueError:
        return True


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


def print_json(message: Any, **more: object) -> None:  # noqa: ANN401 - any struct of the wire, or a dictionary
    """Print one object on one line; ``more`` comes first."""
    import msgspec

    fields = message if isinstance(message, dict) else msgspec.to_builtins(message)
    print(msgspec.json.encode({**more, **fields}).decode(), flush=True)


def complain(error: VoiceprintError, about: Path | str) -> None:
    """Print one line on stderr about one of several things."""
    print(f"voiceprint: {shown(about)}: {error.message}", file=sys.stderr)


def refuse(args: argparse.Namespace, error: VoiceprintError, path: Path) -> None:
    """Say that a file cannot be used: a line on stderr, and with --json an object in place of its answer."""
    complain(error, path)
    if args.json:
        print_json({"file": shown(path), "error": {"code": error.code, "message": error.message}})


def shown(path: Path | str) -> str:
    """A file's name as text that can be printed; bytes that are no UTF-8 as ``\\xe9``."""
    return os.fsencode(path).decode(errors="backslashreplace")


def counted(count: int, noun: str) -> str:
    """A number with its noun: ``1 speaker``, ``2 speakers``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
