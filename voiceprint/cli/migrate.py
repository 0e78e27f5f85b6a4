"""voiceprint migrate [ENCODER | --finish]"""

import argparse
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_models_option, counted, print_json, settings_from
from voiceprint.cli.store_common import add_care_options, open_store, tell
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.storage.maintenance.encoder_migration import MigrationReport

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("migrate", help="move a store to another encoder, or say how far that is")
    parser.add_argument("to", nargs="?", metavar="ENCODER", help="without it: only say how far it is")
    parser.add_argument(
        "--enroll-when-recognised",
        action="store_true",
        help="a voice that the former encoder knows with confidence is enrolled under the new one with that utterance",
    )
    parser.add_argument("--finish", action="store_true", help="leave the former encoder for good")
    parser.add_argument("--forget-waiting", action="store_true", help="with --finish: erase who still waits")
    add_models_option(parser)
    add_care_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from voiceprint.storage.maintenance.encoder_migration import begin, finish, progress

    if args.finish and args.to:
        raise InputError("bad_option", "Give an encoder to move to, or --finish.")
    with open_store(args) as store:
        if args.finish:
            report, receipts = finish(store, forget_waiting=args.forget_waiting)
            for receipt in receipts:
                print_json(receipt)
        elif args.to:
            from voiceprint.encoding.catalog import find_encoder
            from voiceprint.service.factory import identity_of, load_encoder

            settings = settings_from(args)
            encoder = identity_of(load_encoder(find_encoder(args.to, settings), settings))
            report = begin(store, encoder, enroll_waiting=args.enroll_when_recognised)
        else:
            report = progress(store)
    tell(args, report, _in_words(report))
    return 0


def _in_words(report: "MigrationReport") -> str:
    if report.former is None:
        return f"The store belongs to {report.encoder}; {counted(report.speakers, 'speaker')}."
    how = "enrolled again when they are recognised" if report.enroll_waiting else "enrolled again by you or themselves"
    return (
        f"The store is on its way from {report.former} to {report.encoder}: of "
        f"{counted(report.speakers, 'speaker')} {report.waiting} wait to be {how}. "
        "Start the server again after every change."
    )
