"""voiceprint name TRANSCRIPT --audio FILE [--out FILE]"""

import argparse
import sys
from pathlib import Path

from voiceprint.cli.common import add_store_options, shown
from voiceprint.cli.store_common import open_service, read_small_file
from voiceprint.cli.timeline import timeline_of
from voiceprint.errors import InputError

__all__ = ["add"]

MAX_BYTES = 1 << 28


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("name", help="put names into a transcript: Whisper's JSON, SRT, VTT, RTTM")
    parser.add_argument("transcript", type=Path, metavar="TRANSCRIPT")
    parser.add_argument("--audio", type=Path, required=True, metavar="FILE", help="the recording that was transcribed")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it (standard output)")
    add_store_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from voiceprint.api.transcripts import KINDS, name_transcript
    from voiceprint.files import replace_file

    kind = args.transcript.suffix.lower()
    if kind not in KINDS:
        raise InputError("bad_transcript", f"{shown(args.transcript)} must end in one of {', '.join(KINDS)}.")
    content = read_small_file(args.transcript, most=MAX_BYTES)
    with open_service(args) as service:
        named = name_transcript(content, kind, timeline_of(service, args.audio))
    if args.out is None:
        sys.stdout.buffer.write(named)
        sys.stdout.buffer.flush()
        return 0
    try:
        replace_file(args.out, named, mode=0o600)
    except OSError as error:
        raise InputError("bad_file", f"{shown(args.out)} cannot be written: {error.strerror}.") from error
    return 0
