"""voiceprint media-streams"""

import argparse
from pathlib import Path

from voiceprint.cli.common import add_server_options, check_address, read_token

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "media-streams", help="say who calls: a WebSocket server for the media streams of Twilio and Telnyx"
    )
    parser.add_argument(
        "--listen", default="http://127.0.0.1:9093", metavar="URL", help="where to listen (http://127.0.0.1:9093)"
    )
    parser.add_argument(
        "--secret-file", type=Path, metavar="FILE", help="a file that holds the path that a call must come with"
    )
    parser.add_argument("--group", action="append", default=[], metavar="GROUP", help="search only its speakers")
    parser.add_argument(
        "--speech-seconds", type=float, default=3.0, metavar="SECONDS", help="decide after so much speech (3)"
    )
    parser.add_argument(
        "--open-network", action="store_true", help="let other machines connect, in clear: the proxy brings TLS"
    )
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import asyncio

    from voiceprint.integrations.media_streams_server import serve_media_streams

    check_address(args.listen, open_network=args.open_network)
    asyncio.run(
        serve_media_streams(
            args.listen,
            server=args.server,
            token=read_token(args.token_file),
            ca=args.ca,
            secret=read_token(args.secret_file),
            speech_seconds=args.speech_seconds,
            groups=tuple(args.group),
        )
    )
    return 0
