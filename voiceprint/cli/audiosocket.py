"""voiceprint audiosocket"""

import argparse

from voiceprint.cli.common import add_call_options, call_options

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("audiosocket", help="say who calls: a server for the AudioSocket of an Asterisk")
    add_call_options(
        parser,
        listen="tcp://127.0.0.1:9092",
        metavar="URI",
        open_network="let other machines connect; AudioSocket knows no passwords",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import asyncio

    from voiceprint.integrations.audiosocket_server import serve_calls

    asyncio.run(serve_calls(args.listen, **call_options(args)))
    return 0
