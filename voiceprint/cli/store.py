"""voiceprint store move FROM TO"""

import argparse
from pathlib import Path

from voiceprint.cli.common import add_json_option, add_key_options, counted, settings_from
from voiceprint.cli.store_common import tell

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("store", help="move a store into a PostgreSQL database, or back into a folder")
    parser.add_argument("action", choices=("move",))
    parser.add_argument("source", metavar="FROM", help="a data folder, or postgresql://USER@HOST/DATABASE")
    parser.add_argument("target", metavar="TO", help="the other; there must be no store yet")
    add_json_option(parser)
    add_key_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from voiceprint.storage.maintenance.moving import move
    from voiceprint.storage.sealing.key_sources import find_key_source

    source, target = (_place(word) for word in (args.source, args.target))
    settings = settings_from(args)
    report = move(source, target, find_key_source(settings.key, settings.old_key).load(data=None))
    tell(
        args,
        report,
        f"{counted(report.speakers, 'speaker')} moved from {report.source} to {report.target}, and checked.",
        "The old store is still there: stop what uses it, and delete it. Who is forgotten in one is not in the other.",
    )
    return 0


def _place(word: str) -> Path | str:
    return word if word.startswith(("postgresql://", "postgres://")) else Path(word)
