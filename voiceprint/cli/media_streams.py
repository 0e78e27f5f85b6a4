"""voiceprint media-streams"""

import argparse
from pathlib import Path

from voiceprint.cli.common import add_call_options, call_options, read_token

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "media-streams", help="say who calls: a WebSocket server for the media streams of Twilio and Telnyx"
    )
    parser.add_argument(
        "--secret-file", type=Path, metavar="FILE", help="a file that holds the path that a call must come with"
    )
    add_call_options(
        parser,
        listen="http://127.0.0.1:9093",
        metavar="URL",
        open_network="let other machines connect, in clear: the proxy brings TLS",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import asyncio

    from voiceprint.integrations.media_streams_server import serve_media_streams

    options = call_options(args)
    asyncio.run(serve_media_streams(args.listen, secret=read_token(args.secret_file), **options))
    return 0
