"""voiceprint timeline FILE... [--json | --rttm | --srt | --vtt | --csv]"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_store_options, print_json, refuse, shown
from voiceprint.cli.store_common import open_service, warn
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.api.page_views import Timeline
    from voiceprint.service.service import VoiceprintService

__all__ = ["add", "timeline_of"]

FORMATS = ("rttm", "srt", "vtt", "csv")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("timeline", help="say who spoke when in each recording")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    shapes = parser.add_mutually_exclusive_group()
    for name in FORMATS:
        shapes.add_argument(f"--{name}", action="store_const", const=name, dest="shape", help=f"as {name.upper()}")
    shapes.add_argument("--json", action="store_true", help="one JSON object a line")
    add_store_options(parser)
    parser.set_defaults(run=run, shape=None)


def run(args: argparse.Namespace) -> int:
    code = 0
    with open_service(args) as service:
        if service.segmentation is None:
            warn(["without the segmentation, which 'voiceprint models fetch' gets, overlap is not told apart."])
        for path in args.files:
            try:
                found = timeline_of(service, path)
            except InputError as error:
                refuse(args, error, path)
                code = error.exit_code
                continue
            _print(args, path, found)
    return code


def timeline_of(service: "VoiceprintService", path: Path) -> "Timeline":
    """The timeline of a file; its decisions are noted as any. Raises InputError, StoreError."""
    from voiceprint.api.timeline_presenter import TimelinePresenter
    from voiceprint.domain.caller import OPERATOR
    from voiceprint.service.diarization_stream import diarize_stream
    from voiceprint.service.recording_file import open_stream

    with open_stream(path, service.settings) as stream:
        found, seconds = diarize_stream(service, stream)
        for answer in found.answers:
            service.conclude(answer)
        return TimelinePresenter(service, found, OPERATOR).timeline(stream.outcome, seconds)


def _print(args: argparse.Namespace, path: Path, found: "Timeline") -> None:
    from voiceprint.api.timeline_formats import FORMATS as SHAPES

    if args.json:
        print_json(found, file=shown(path))
    elif args.shape:
        print(SHAPES[args.shape](found, path.stem), end="")
    else:
        print(f"{shown(path)}: {found.audio_seconds:.1f} s")
        for warning in found.warnings:
            print(f"  {warning.message}")
        for turn in found.turns:
            unsure = "" if turn.status in ("identified", "unknown") else f" ({turn.status.replace('_', ' ')})"
            print(f"  {turn.start_seconds:8.1f} {turn.end_seconds:8.1f}  {turn.label}{unsure}")
