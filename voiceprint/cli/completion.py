"""voiceprint completion bash|zsh|tcsh"""

import argparse
from collections.abc import Callable

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("completion", help="print what completes this command line in a shell")
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import shtab

    from voiceprint.cli import build_parser

    complete: Callable[..., str] = shtab.complete
    print(complete(build_parser(), shell=args.shell))
    return 0
