"""voiceprint audiosocket"""

import argparse

from voiceprint.cli.common import add_server_options, check_address, read_token

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("audiosocket", help="say who calls: a server for the AudioSocket of an Asterisk")
    parser.add_argument(
        "--listen", default="tcp://127.0.0.1:9092", metavar="URI", help="where to listen (tcp://127.0.0.1:9092)"
    )
    parser.add_argument("--group", action="append", default=[], metavar="GROUP", help="search only its speakers")
    parser.add_argument(
        "--speech-seconds", type=float, default=3.0, metavar="SECONDS", help="decide after so much speech (3)"
    )
    parser.add_argument(
        "--open-network", action="store_true", help="let other machines connect; AudioSocket knows no passwords"
    )
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import asyncio

    from voiceprint.integrations.audiosocket_server import serve_calls

    check_address(args.listen, open_network=args.open_network)
    asyncio.run(
        serve_calls(
            args.listen,
            server=args.server,
            token=read_token(args.token_file),
            ca=args.ca,
            speech_seconds=args.speech_seconds,
            groups=tuple(args.group),
        )
    )
    return 0
