"""voiceprint mcp"""

import argparse
from pathlib import Path

from voiceprint.cli.common import add_server_options, extra, read_token
from voiceprint.errors import ConfigError

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "mcp", help="let an assistant ask a running server, over MCP on standard input and output"
    )
    parser.add_argument(
        "--recordings",
        type=Path,
        required=True,
        metavar="DIR",
        help="the only folder whose files the assistant may name",
    )
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import asyncio

    if not args.recordings.is_dir():
        raise ConfigError("bad_setting", f"There is no folder {args.recordings}.")
    with extra("mcp"):
        from voiceprint.integrations.mcp_server import serve_mcp
    asyncio.run(serve_mcp(args.server, folder=args.recordings, token=read_token(args.token_file), ca=args.ca))
    return 0
