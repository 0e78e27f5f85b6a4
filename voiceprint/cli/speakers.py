"""voiceprint speakers, voiceprint forget NAME|ID"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_json_option, add_store_options, open_service, print_json
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.api.messages import Forgotten, SpeakerInfo

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("speakers", help="list the enrolled speakers")
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
    from voiceprint.api.presenters import speaker_info, threshold_sentence

    with open_service(args) as service:
        found = [speaker_info(speaker, service) for speaker in service.speakers()]
        if args.json:
            for info in found:
                print_json(info)
        else:
            for info in found:
                print(f"{info.id}  {info.name}  {info.enrollments} enrollments, {info.speech_seconds_total:.1f} s")
                print(f"    {_kept(info)}")
            print(f"{len(found)} speakers, encoder {service.encoder.id}")
            if service.previous_encoder is not None:
                _, waiting = service.gallery_sizes
                previous = service.previous_encoder.id
                print(f"{waiting} of them wait to be enrolled again; until then {previous} knows them")
            print(threshold_sentence(service.policy().describe(len(found))))
        for speaker_id in service.damaged:
            print(f"voiceprint: the record {speaker_id} is damaged and takes no part.", file=sys.stderr)
    return 0


def _kept(info: "SpeakerInfo") -> str:
    """Consent, last recognition, and the last day of retention, in words."""
    waits = "waits to be enrolled again, " if info.waiting else ""
    said = f"{waits}last recognised {info.last_seen or 'never'}, kept until {info.kept_until}"
    if info.consent is None:
        return f"no consent on record, {said}"
    return f"consent of {(info.consent_at or '')[:10]} to {info.consent.purpose!r}, {said}"


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
            print(f"Forgotten: {speaker.name}, {said.enrollments} enrollments and their key are destroyed.")
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
