"""voiceprint wyoming"""

import argparse

from voiceprint.cli.common import add_server_options, check_address, extra, reaches_others, read_token

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("wyoming", help="put the speaker's name into the transcripts of a Wyoming recogniser")
    parser.add_argument(
        "--listen", default="tcp://127.0.0.1:10301", metavar="URI", help="where to listen (tcp://127.0.0.1:10301)"
    )
    parser.add_argument("--upstream", required=True, metavar="URI", help="the recogniser, such as tcp://whisper:10300")
    parser.add_argument(
        "--mode",
        choices=("context", "tag", "gate", "pass"),
        default="context",
        help="context: the text as it is; tag: '[NAME] ...'; gate: no text for an unknown voice; pass: ask nothing",
    )
    parser.add_argument("--group", action="append", default=[], metavar="GROUP", help="search only its speakers")
    parser.add_argument(
        "--patience", type=float, default=1.0, metavar="SECONDS", help="how long a transcript waits for its speaker (1)"
    )
    parser.add_argument(
        "--open-network", action="store_true", help="let other machines connect; Wyoming knows no passwords"
    )
    parser.add_argument(
        "--announce",
        action=argparse.BooleanOptionalAction,
        help="tell Home Assistant of the bridge by mDNS (where other machines may connect)",
    )
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import asyncio

    check_address(args.listen, open_network=args.open_network)
    announce = reaches_others(args.listen) if args.announce is None else args.announce
    with extra("wyoming"):
        from voiceprint.integrations.wyoming_bridge import BridgeOptions
        from voiceprint.integrations.wyoming_server import serve_bridge

        if announce:
            import zeroconf  # noqa: F401 - said here where it is missing
    options = BridgeOptions(upstream=args.upstream, mode=args.mode, groups=tuple(args.group), patience=args.patience)
    token = read_token(args.token_file)
    asyncio.run(serve_bridge(args.listen, options, server=args.server, token=token, ca=args.ca, announce=announce))
    return 0
