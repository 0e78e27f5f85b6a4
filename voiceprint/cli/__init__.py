"""The command line: one module a group of commands, each with ``add(commands)``.

Exit codes: 0 done, 1 the answer is no (``verify``: not accepted; ``identify``: a recording got no name), 2 something
given was not usable, 3 configuration, key or model, 4 the store. Errors are one line on stderr. Nothing heavy is
imported before a command runs, so that ``--help`` answers at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from voiceprint.cli import (
    audiosocket,
    bundles,
    calibrate,
    care,
    completion,
    enroll,
    evaluate,
    evaluate_timeline,
    identify,
    keys,
    mcp,
    media_streams,
    migrate,
    models,
    name,
    profile,
    serve,
    speakers,
    takes,
    timeline,
    tokens,
    wyoming,
)
from voiceprint.errors import VoiceprintError
from voiceprint.hardening import keep_memory_private

__all__ = ["build_parser", "main", "run_command"]


_GROUPS = (
    serve,
    enroll,
    identify,
    timeline,
    speakers,
    takes,
    profile,
    tokens,
    models,
    name,
    keys,
    mcp,
    migrate,
    care,
    bundles,
    calibrate,
    evaluate,
    evaluate_timeline,
    completion,
    wyoming,
    audiosocket,
    media_streams,
)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="voiceprint", description="Tells who is speaking, or that it does not know.")
    parser.add_argument("--version", action=_Version, nargs=0, help="say which version this is")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in _GROUPS:
        group.add(commands)
    return parser


class _Version(argparse.Action):
    def __call__(self, *_: object) -> None:
        from voiceprint import __version__

        print(f"voiceprint {__version__}")
        sys.exit(0)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of one command."""
    return run_command(build_parser().parse_args(argv))


def run_command(args: argparse.Namespace) -> int:
    """The exit code of a command whose arguments were read; an error is one line on stderr."""
    keep_memory_private()
    try:
        code: int = args.run(args)
    except VoiceprintError as error:
        print(f"voiceprint: {error.message}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; what is left in the buffer must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code
