"""voiceprint timeline FILE..."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_json_option, add_store_options, open_service, print_json, refuse, shown
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.api.page_views import Timeline, TimelineTurn

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("timeline", help="say who spoke when in each recording")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recordings; - is standard input")
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from voiceprint.api.desk import Desk
    from voiceprint.domain.caller import OPERATOR
    from voiceprint.service.bulk import read_clip

    code = 0
    with open_service(args) as service:
        desk = Desk(service, clock=time.monotonic)
        for path in args.files:
            try:
                _, recording = read_clip(service, path)
                *_, found = desk.timeline(OPERATOR, recording)
            except InputError as error:
                refuse(args, error, path)
                code = error.exit_code
                continue
            assert found is not None  # it comes last
            print_json(found, file=shown(path)) if args.json else _tell(path, found)
    return code


def _tell(path: Path, found: "Timeline") -> None:
    print(f"{shown(path)}: {found.audio_seconds:.1f} s")
    for turn in found.turns:
        print(f"  {turn.start_seconds:7.1f} to {turn.end_seconds:7.1f} s  {_speaker(turn)}")


def _speaker(turn: "TimelineTurn") -> str:
    return turn.status.replace("_", " ") if turn.speaker is None else turn.speaker.name
