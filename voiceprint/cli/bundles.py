"""voiceprint export FILE, voiceprint import FILE, voiceprint about NAME|ID"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_data_option, print_json, settings_from
from voiceprint.cli.store_common import (
    add_care_options,
    open_store,
    read_small_file,
    store_keys,
    tell,
    warn,
)
from voiceprint.errors import SpeakerError

if TYPE_CHECKING:
    from voiceprint.storage.store import Store

__all__ = ["add"]

MAX_BUNDLE_BYTES = 4 << 30


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("export", help="write the store, or one person, into one sealed file")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--only", metavar="NAME|ID", help="one person instead of everybody")
    _common(parser)
    parser.set_defaults(run=run_export)

    parser = commands.add_parser("import", help="bring such a file into a store; the forgotten stay forgotten")
    parser.add_argument("file", type=Path, metavar="FILE")
    _common(parser)
    parser.set_defaults(run=run_import)

    parser = commands.add_parser("about", help="what is known about one person, as JSON")
    parser.add_argument("speaker", metavar="NAME|ID")
    add_data_option(parser)
    parser.set_defaults(run=run_about)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="seal with its first line instead of the master key"
    )
    add_care_options(parser)


def run_export(args: argparse.Namespace) -> int:
    from voiceprint.storage.maintenance.bundle import take_bundle, write_bundle

    with open_store(args) as store:
        only = _find(store, args.only) if args.only else None
        data = take_bundle(store, passphrase=_passphrase(args), only=only)
        damaged = store.load().damaged if only is None else ()
    write_bundle(data, args.file)
    tell(
        args,
        {"file": str(args.file), "bytes": len(data), "damaged": damaged},
        f"{args.file}: {len(data)} bytes, sealed with the {'passphrase' if args.passphrase_file else 'master key'}.",
    )
    warn(f"the record {speaker_id} is damaged and was left out." for speaker_id in damaged)
    return 0


def run_import(args: argparse.Namespace) -> int:
    from voiceprint.storage.maintenance.bundle import read_bundle
    from voiceprint.storage.maintenance.restore import restore

    settings = settings_from(args)
    data = read_small_file(args.file, most=MAX_BUNDLE_BYTES)
    keys = store_keys(settings, make=True)
    report = restore(settings.place, keys, read_bundle(data, keys=keys, passphrase=_passphrase(args)))
    tell(
        args,
        report,
        f"{report.added} added, {report.replaced} replaced, {report.present} there already, "
        f"{report.forgotten} stay forgotten, {report.erased} erased because they were forgotten there.",
    )
    warn(f"{speaker} was left out: somebody else has the same name here." for speaker in report.name_taken)
    return 2 if report.name_taken else 0


def run_about(args: argparse.Namespace) -> int:
    from voiceprint.api.subject_access import known_about
    from voiceprint.domain.retention import Retention
    from voiceprint.service.subject_access import subject_record

    retention = Retention(unseen_days=settings_from(args).unseen_days)
    with open_store(args) as store:
        print_json(known_about(subject_record(store, _find(store, args.speaker), retention)))
    return 0


def _find(store: "Store", name_or_id: str) -> str:
    from voiceprint.domain.names import name_key

    for speaker in store.load().speakers:
        if name_or_id == speaker.id or name_key(name_or_id) == name_key(speaker.name):
            return speaker.id
    raise SpeakerError("unknown_speaker", f"Nobody is enrolled as {name_or_id!r}.")


def _passphrase(args: argparse.Namespace) -> str | None:
    if args.passphrase_file is None:
        return None
    lines = read_small_file(args.passphrase_file).decode(errors="replace").splitlines()
    return lines[0] if lines else ""
