"""voiceprint serve"""

import argparse
import sys

from voiceprint.cli.common import add_store_options, open_service, settings_from

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("serve", help="serve the page, the WebSocket and REST")
    parser.add_argument("--host", help="address to listen on (127.0.0.1, VOICEPRINT_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for any free one (5678, VOICEPRINT_PORT)")
    parser.add_argument(
        "--behind-proxy",
        action="store_true",
        default=None,
        help="a proxy with TLS and sign-in stands in front: any --host and any host name are allowed",
    )
    add_store_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from voiceprint.server import check_binding, serve

    check_binding(settings_from(args))
    with open_service(args) as service:
        service.warm_up()
        encoder = service.encoder
        print(
            f"voiceprint: encoder {encoder.id} ({encoder.fingerprint[:12]}), {service.count()} speakers",
            file=sys.stderr,
        )
        serve(service, service.settings)
    return 0
