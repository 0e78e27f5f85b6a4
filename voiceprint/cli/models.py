"""voiceprint models [fetch ID | verify [ID] | export ID]"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from voiceprint.cli.common import add_json_option, add_models_option, print_json, settings_from
from voiceprint.config import Settings

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("models", help="list the encoders, fetch one, verify them, export one")
    parser.add_argument("action", nargs="?", choices=("list", "fetch", "verify", "export"), default="list")
    parser.add_argument("encoder_id", nargs="?", metavar="ID", help="which encoder to fetch, verify or export")
    add_json_option(parser)
    add_models_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    settings = settings_from(args)
    if args.action == "fetch":
        return _fetch(args, settings)
    if args.action == "export":
        return _export(args, settings)
    return _list(args, settings)


def _list(args: argparse.Namespace, settings: Settings) -> int:
    """List or verify the encoders: the same look at every file.

    Verifying fails where one is not as it should be.
    """
    from voiceprint.encoding.catalog import find_encoder, list_encoders
    from voiceprint.errors import ModelError

    if args.encoder_id is not None:
        find_encoder(args.encoder_id, settings)  # raises where it is not there or not whole
    damaged = 0
    for found in list_encoders(settings):
        if args.encoder_id not in (None, found.id):
            continue
        damaged += found.state not in ("verified", "not fetched")
        if args.json:
            print_json(
                {
                    "id": found.id,
                    "state": found.state,
                    "path": str(found.path) if found.path else None,
                    "size_bytes": found.size_bytes,
                    "accuracy": found.accuracy,
                    "description": found.description,
                }
            )
        else:
            size = f", {found.size_bytes / 1e6:.1f} MB in {found.path}" if found.path else ""
            print(f"{found.id}: {found.state}{size}\n    {found.description}")
            if found.accuracy:
                print(f"    {found.accuracy}")
    if damaged and args.action == "verify":
        raise ModelError(
            "model_damaged",
            f"{damaged} encoder is not whole." if damaged == 1 else f"{damaged} encoders are not whole.",
        )
    return 0


def _fetch(args: argparse.Namespace, settings: Settings) -> int:
    from voiceprint.encoding.fetch import fetch_encoder
    from voiceprint.errors import InputError

    if args.encoder_id is None:
        raise InputError("which_model", "Say which encoder to fetch; 'voiceprint models' lists them.")
    with _progress_bars() as progress:
        folder = fetch_encoder(args.encoder_id, settings.models, progress=progress)
    if args.json:
        print_json({"id": folder.id, "state": "verified", "path": str(folder.path), "size_bytes": folder.size_bytes})
    else:
        print(f"{folder.id}: verified, {folder.size_bytes / 1e6:.1f} MB in {folder.path}")
    return 0


def _export(args: argparse.Namespace, settings: Settings) -> int:
    """Make the ONNX export now instead of at the first start: for images."""
    from voiceprint.encoding.catalog import find_encoder
    from voiceprint.encoding.export_cache import default_cache
    from voiceprint.encoding.runtime import export_anew
    from voiceprint.errors import InputError, ModelError

    if args.encoder_id is None:
        raise InputError("which_model", "Say which encoder to export; 'voiceprint models' lists them.")
    cache = default_cache(os.environ)
    if cache is None:
        raise ModelError("export_not_kept", "There is no home folder to keep the export in: set XDG_CACHE_HOME.")
    try:
        path = export_anew(find_encoder(args.encoder_id, settings), cache)
    except OSError as error:
        raise ModelError("export_not_kept", f"The export cannot be kept in {cache}: {error.strerror}.") from error
    size = path.stat().st_size
    if args.json:
        print_json({"id": args.encoder_id, "path": str(path), "size_bytes": size})
    else:
        print(f"{args.encoder_id}: exported, {size / 1e6:.1f} MB in {path}")
    return 0


@contextmanager
def _progress_bars() -> Iterator[Callable[[str, int, int | None], None]]:
    from tqdm import tqdm

    bars: dict[str, tqdm[None]] = {}

    def progress(name: str, count: int, size: int | None) -> None:
        if name not in bars:
            bars[name] = tqdm(total=size, desc=name, unit="B", unit_scale=True, file=sys.stderr, disable=None)
        bars[name].update(count)

    try:
        yield progress
    finally:
        for bar in bars.values():
            bar.close()
