"""voiceprint enroll NAME FILE..."""

import argparse
from pathlib import Path

from voiceprint.cli.common import (
    add_choice_options,
    add_json_option,
    add_store_options,
    choice_from,
    complain,
    open_service,
    print_json,
)
from voiceprint.cli.consent import add_consent_options, consent_from
from voiceprint.errors import InputError

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("enroll", help="enroll a speaker from recordings, or add recordings to one")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    add_consent_options(parser)
    add_choice_options(parser)
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from voiceprint.api.presenters import enrolled_message
    from voiceprint.service.bulk import enroll_files

    consent = consent_from(args)
    with open_service(args, make=True) as service:
        refused: list[tuple[Path, InputError]] = []
        outcome = enroll_files(
            service,
            args.name,
            args.files,
            consent=consent,
            choice=choice_from(args),
            on_refusal=lambda *what: refused.append(what),
        )
        for path, error in refused:
            complain(error, path)
        if outcome is None:
            return 2 if refused else 0
        said = enrolled_message(outcome, service)
        if args.json:
            print_json(said)
        else:
            print(f"{said.speaker.name}: {said.enrollments} enrollments, {said.speech_seconds_total:.1f} s of speech")
            for warning in said.warnings:
                print(f"  {warning.message}")
            for other in said.similar_speakers:
                print(f"  sounds like {other.speaker.name} (score {other.score:.2f})")
    return 2 if refused else 0
