"""voiceprint key init | rotate | check, voiceprint renew"""

import argparse

from voiceprint.cli.common import counted, print_json, settings_from
from voiceprint.cli.store_common import add_care_options, open_store, store_keys, tell

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("key", help="make, change or check the master key of a store")
    parser.add_argument("action", choices=("init", "rotate", "check"))
    add_care_options(parser)
    parser.set_defaults(run=run)

    parser = commands.add_parser("renew", help="new keys and a new secret transform for every voiceprint")
    add_care_options(parser)
    parser.set_defaults(run=run_renew)


def run(args: argparse.Namespace) -> int:
    return {"init": _init, "rotate": _rotate, "check": _check}[args.action](args)


def _init(args: argparse.Namespace) -> int:
    from voiceprint.storage.sealing.key_sources import find_key_source

    settings = settings_from(args)
    path = find_key_source(settings.key, settings.old_key).path
    there = path is None or path.exists()
    keys = store_keys(settings, make=True)
    if args.json:
        print_json({"path": keys.source.where, "made": not there, "keys": len(keys.keys)})
    elif there:
        print(f"There is a key already: {keys.source.where}, {len(keys.keys)} keys. It was not changed.")
    else:
        print(
            f"A new key was made: {keys.source.where}. Keep a copy of it: without it the voiceprints cannot be opened."
        )
    return 0


def _rotate(args: argparse.Namespace) -> int:
    from voiceprint.storage.maintenance.key_rotation import rotate

    with open_store(args) as store:
        report = rotate(store)
        source = store.keys.source
    if args.json:
        print_json(report)
        return 0
    done = "Finished a rotation" if report.resumed else "Rotated"
    print(f"{done}: {counted(report.rewrapped, 'speaker')}, {source.name}.")
    if report.waiting_stores:
        print(f"The old key stays: the stores {', '.join(report.waiting_stores)} still need it; rotate them too.")
    elif not report.old_keys_dropped:
        print(f"The old key stays: take it out of {source.name}, and leave out --old-key, on every server.")
    print("Bundles and copies of the store made before need the old key: export again.")
    return 0


def _check(args: argparse.Namespace) -> int:
    from voiceprint.storage.store import has_store

    settings = settings_from(args)
    keys = store_keys(settings)
    opens = has_store(settings.place)
    if opens:
        with open_store(args):
            pass
    tell(
        args,
        {"path": keys.source.where, "keys": len(keys.keys), "opens_store": opens or None},
        f"{keys.source.where}: {len(keys.keys)} keys. " + _said(settings.where, opens),
    )
    return 0


def _said(where: str, opens: bool) -> str:
    return f"They open the store in {where}." if opens else f"There is no store in {where} yet."


def run_renew(args: argparse.Namespace) -> int:
    from voiceprint.storage.maintenance.template_renewal import renew

    with open_store(args) as store:
        report = renew(store)
    renewed = counted(report.speakers, "speaker")
    tell(args, report, f"Renewed {renewed}; this was renewal {report.renewals} of the store.")
    return 0
