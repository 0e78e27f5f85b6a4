"""voiceprint token add NAME | list | revoke NAME|ID"""

import argparse
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_data_option, add_json_option, print_json, settings_from
from voiceprint.cli.store_common import open_service, open_store
from voiceprint.domain.caller import SCOPES
from voiceprint.domain.moments import iso_moment

if TYPE_CHECKING:
    from voiceprint.storage.tokens import AccessToken

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("token", help="make, list or revoke the tokens that programs and pages sign in with")
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|revoke")

    adding = actions.add_parser("add", help="make a token and print it, this one time")
    adding.add_argument("name", help="what it is for, such as the name of a program or a room")
    adding.add_argument(
        "--scope", action="append", choices=SCOPES, help="what it may do; each holds the ones before it (identify)"
    )
    adding.add_argument("--days", type=float, metavar="N", help="valid for so many days (until it is revoked)")
    adding.add_argument("--group", action="append", help="confined to the speakers of this group; may be repeated")
    adding.set_defaults(run=run_add)

    actions.add_parser("list", help="the tokens that are valid, never themselves").set_defaults(run=run_list)

    revoking = actions.add_parser("revoke", help="within a second it opens nothing, on a running server too")
    revoking.add_argument("token", metavar="NAME|ID")
    revoking.set_defaults(run=run_revoke)

    for action in actions.choices.values():
        add_json_option(action)
        add_data_option(action)


def run_add(args: argparse.Namespace) -> int:
    from voiceprint.storage.store import has_store
    from voiceprint.storage.tokens import add_token

    if not has_store(settings_from(args).place):
        open_service(args, make=True).close()  # a server that others may reach needs a token before its first start
    with open_store(args) as store:
        token, kept = add_token(store, args.name, args.scope or ["identify"], days=args.days, groups=args.group or ())
    if args.json:
        print_json({"token": token, **_shown(kept)})
    else:
        print(token)
    return 0


def run_list(args: argparse.Namespace) -> int:
    from voiceprint.storage.tokens import list_tokens

    with open_store(args) as store:
        found = list_tokens(store)
    for kept in found:
        shown = _shown(kept)
        if args.json:
            print_json(shown)
        else:
            where = f"  in {', '.join(kept.groups)}" if kept.groups else ""
            print(f"{kept.id}  {kept.name}  {' '.join(kept.scopes)}{where}  until {shown['expires_at'] or 'revoked'}")
    if not found and not args.json:
        print("There is no token.")
    return 0


def run_revoke(args: argparse.Namespace) -> int:
    from voiceprint.storage.tokens import revoke_token

    with open_store(args) as store:
        gone = revoke_token(store, args.token)
    if args.json:
        print_json(_shown(gone))
    else:
        print(f"Revoked: {gone.name} ({gone.id}).")
    return 0


def _shown(kept: "AccessToken") -> dict[str, object]:
    return {
        "id": kept.id,
        "name": kept.name,
        "scopes": list(kept.scopes),
        "groups": list(kept.groups),
        "created_at": iso_moment(kept.created_at),
        "expires_at": None if kept.expires_at is None else iso_moment(kept.expires_at),
    }
