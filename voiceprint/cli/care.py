"""voiceprint check, audit list | verify | trim, sweep, verify-receipt FILE"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import counted, print_json, settings_from
from voiceprint.cli.store_common import add_care_options, open_store, read_small_file, tell, warn

if TYPE_CHECKING:
    from voiceprint.storage.receipts import Receipt

__all__ = ["add"]

_STORE_FAULT = 4


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("check", help="examine a whole store and say what was found")
    add_care_options(parser)
    parser.set_defaults(run=run_check)

    parser = commands.add_parser("audit", help="show or verify the audit log, or take its oldest lines out")
    parser.add_argument("action", choices=("list", "verify", "trim"))
    parser.add_argument("--audit-days", type=int, metavar="DAYS", help="trim: keep the lines of so many days (365)")
    parser.add_argument("--head", metavar="HEX", help="a chain value noted earlier, which must be part of the log")
    add_care_options(parser)
    parser.set_defaults(run=run_audit)

    parser = commands.add_parser("sweep", help="erase whose consent or time is over, with receipts")
    parser.add_argument("--unseen-days", type=int, help="days after the last interaction (1095)")
    parser.add_argument("--dry-run", action="store_true", help="only say who it would be")
    add_care_options(parser)
    parser.set_defaults(run=run_sweep)

    parser = commands.add_parser("verify-receipt", help="check the receipt of an erasure")
    parser.add_argument("file", type=Path, metavar="FILE")
    add_care_options(parser)
    parser.set_defaults(run=run_verify_receipt)


def run_check(args: argparse.Namespace) -> int:
    from voiceprint.storage.maintenance.check import check

    with open_store(args) as store:
        report = check(store)
    tell(
        args,
        report,
        f"{counted(report.speakers, 'speaker')}, {counted(report.enrollments, 'enrollment')}, "
        f"{report.forgotten} forgotten, "
        f"{counted(report.audit_lines, 'line')} of audit log (head {report.audit_head[:16]}), "
        f"renewed {counted(report.renewals, 'time')}",
        "Everything is as it was written." if report.whole else f"{counted(len(report.faults), 'fault')}:",
        whole=report.whole,
    )
    return _faults(report.faults)


def run_audit(args: argparse.Namespace) -> int:
    from voiceprint.storage import audit
    from voiceprint.storage.maintenance.audit_trimming import trim

    trimmed = 0
    with open_store(args) as store:
        if args.action == "list":
            for line in audit.read(store):
                print_json(line)
            return 0
        if args.action == "trim":
            trimmed = trim(store, days=settings_from(args).audit_days)
        report = audit.verify(store, known_head=args.head)
    if args.action == "trim":
        print(f"Taken out: {counted(trimmed, 'line')}.", file=sys.stderr)
    tell(
        args,
        report,
        f"{counted(report.lines, 'line')}, {report.trimmed} of them trimmed, head {report.head}",
        "The log is whole." if report.whole else f"{counted(len(report.faults), 'fault')}:",
        whole=report.whole,
    )
    return _faults(report.faults)


def _faults(faults: tuple[str, ...]) -> int:
    warn(faults)
    return _STORE_FAULT if faults else 0


def run_sweep(args: argparse.Namespace) -> int:
    from voiceprint.domain.retention import Retention
    from voiceprint.storage.maintenance.retention import sweep

    with open_store(args) as store:
        done = sweep(store, Retention(unseen_days=settings_from(args).unseen_days), dry_run=args.dry_run)
    for one in done.due if args.dry_run else ():
        print_json({"speaker": one.speaker_id, "reason": one.reason})
    for receipt in done.receipts:
        print_json(receipt)
    if not args.json:
        print(f"{'To be erased' if args.dry_run else 'Erased'}: {counted(len(done.due), 'speaker')}.", file=sys.stderr)
    return 0


def run_verify_receipt(args: argparse.Namespace) -> int:
    from voiceprint.storage.receipts import parse_receipt, verify_receipt
    from voiceprint.storage.store import has_store

    receipt = parse_receipt(read_small_file(args.file))
    verify_receipt(receipt)
    here = has_store(settings_from(args).place)
    if here:
        with open_store(args) as store:
            verify_receipt(receipt, store)
    said = f"{receipt.speaker} was erased at {receipt.erased_at} ({receipt.reason})" + _servers(receipt)
    tell(
        args,
        {
            "valid": True,
            "checked_against_store": here,
            "public_key": receipt.public_key,
            "speaker": receipt.speaker,
            "confirmed_by": receipt.confirmed_by or (),
            "unconfirmed": receipt.unconfirmed or (),
        },
        f"The receipt is genuine: {said}, and the erasure holds in this store."
        if here
        else f"Signed by an unknown key ({receipt.public_key}), because there is no store here: it says that {said}.",
    )
    return 0


def _servers(receipt: "Receipt") -> str:
    said = ""
    if receipt.confirmed_by:
        said += f", confirmed by {', '.join(receipt.confirmed_by)}"
    if receipt.unconfirmed:
        said += f", not yet confirmed by {', '.join(receipt.unconfirmed)}"
    return said
