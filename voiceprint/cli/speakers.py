"""voiceprint speakers, voiceprint forget NAME|ID"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_json_option, add_store_options, counted, print_json
from voiceprint.cli.profile import consent_sentence
from voiceprint.cli.store_common import open_service
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.api.messages import Forgotten, SpeakerInfo
    from voiceprint.service.service import VoiceprintService

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("speakers", help="list the enrolled speakers")
    parser.add_argument("--match", metavar="TEXT", help="only names that contain this")
    parser.add_argument(
        "--group", action="append", metavar="GROUP", help="only speakers of this group; may be repeated"
    )
    parser.add_argument("--sort", choices=("name", *_ORDERS), default="name", help="in which order (name)")
    parser.add_argument("--reverse", action="store_true", help="the last first")
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many")
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run_speakers)

    parser = commands.add_parser("forget", help="destroy a speaker's voiceprint and its key")
    parser.add_argument("speaker", metavar="NAME|ID")
    parser.add_argument("--receipt", type=Path, metavar="FILE", help="write the signed receipt there")
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run_forget)


def run_speakers(args: argparse.Namespace) -> int:
    from voiceprint.api.presenters import speaker_info
    from voiceprint.domain.groups import check_groups

    within = frozenset(check_groups(args.group)) if args.group else None
    with open_service(args) as service:
        found = [speaker_info(speaker, service) for speaker in service.speakers(within)]
        wanted = _chosen(found, args)
        for info in wanted:
            print_json(info) if args.json else _tell(info)
        if not args.json:
            _tell_about(service, len(wanted), len(found))
        for speaker_id in service.damaged:
            print(f"voiceprint: the record {speaker_id} is damaged and takes no part.", file=sys.stderr)
    return 0


def _chosen(found: "list[SpeakerInfo]", args: argparse.Namespace) -> "list[SpeakerInfo]":
    """Those whose name holds the text of the options, in the order that they say."""
    from voiceprint.domain.names import name_key

    wanted = [info for info in found if name_key(args.match or "") in name_key(info.name)]
    if args.sort != "name":  # they come by name
        wanted.sort(key=_ORDERS[args.sort])
    if args.reverse:
        wanted.reverse()
    return wanted[: args.limit] if args.limit is not None else wanted


# The days are ISO 8601, which sorts as text.
_ORDERS: "dict[str, Callable[[SpeakerInfo], str | float]]" = {
    "added": lambda info: info.created_at,
    "seen": lambda info: info.last_seen or "",
    "kept": lambda info: info.kept_until,
    "speech": lambda info: info.speech_seconds_total,
}


def _tell(info: "SpeakerInfo") -> None:
    takes = counted(info.enrollments, "enrollment")
    groups = f", in {', '.join(info.groups)}" if info.groups else ""
    print(f"{info.id}  {info.name}  {takes}, {info.speech_seconds_total:.1f} s{groups}")
    waits = "waits to be enrolled again, " if info.waiting else ""
    waits += f"{counted(info.pending, 'recording')} waiting for 'voiceprint takes', " if info.pending else ""
    said = f"{waits}last recognised {info.last_seen or 'never'}, kept until {info.kept_until}"
    print(f"    {consent_sentence(info)}, {said}")


def _tell_about(service: "VoiceprintService", listed: int, count: int) -> None:
    from voiceprint.api.presenters import threshold_sentence

    some = "" if listed == count else f", {listed} of them listed"
    print(f"{counted(count, 'speaker')}{some}, encoder {service.encoder.id}")
    if service.previous_encoder is not None:
        _, waiting = service.gallery_sizes
        previous = service.previous_encoder.id
        print(f"{waiting} of them wait to be enrolled again; until then {previous} knows them")
    print(threshold_sentence(service.policy().describe(count)))


def run_forget(args: argparse.Namespace) -> int:
    from voiceprint.api.presenters import forgotten_message

    with open_service(args) as service:
        speaker = service.named(args.speaker)
        said = forgotten_message(service.forget(speaker.id))
        if args.receipt is not None:
            _write_receipt(args.receipt, said)
        if args.json:
            print_json(said)
        else:
            print(f"Forgotten: {speaker.name}, {counted(said.enrollments, 'enrollment')} and their key are destroyed.")
    return 0


def _write_receipt(path: Path, said: "Forgotten") -> None:
    """Write the receipt. Raises InputError; the erasure stands, and --json prints it too."""
    import msgspec

    try:
        path.write_bytes(msgspec.json.encode(said.receipt) + b"\n")
    except OSError as error:
        raise InputError(
            "receipt_not_written", f"The speaker is forgotten, but {path} cannot be written: {error.strerror}."
        ) from error
