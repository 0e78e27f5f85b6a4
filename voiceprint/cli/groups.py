"""voiceprint group NAME|ID [GROUP ...]"""

import argparse

from voiceprint.cli.common import add_json_option, add_store_options, open_service, print_json

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("group", help="say which groups a speaker belongs to")
    parser.add_argument("speaker", metavar="NAME|ID")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="all of them; none: out of every one")
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from voiceprint.api.presenters import speaker_info

    with open_service(args) as service:
        speaker = service.named(args.speaker)
        changed = service.set_groups(speaker.id, args.groups)
        if args.json:
            print_json(speaker_info(changed, service))
        else:
            print(f"{changed.name}: {', '.join(changed.profile.groups) or 'in no group'}")
    return 0
