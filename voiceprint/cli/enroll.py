"""voiceprint enroll NAME FILE..., voiceprint enroll --folder DIR"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import (
    add_choice_options,
    add_json_option,
    add_store_options,
    choice_from,
    counted,
    print_json,
    refuse,
)
from voiceprint.cli.consent import add_consent_options, consent_from
from voiceprint.cli.store_common import open_service
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.api.messages import Enrolled

__all__ = ["add", "add_enroll_options"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "enroll", help="enroll a speaker, add recordings to one, or enroll a folder of speakers"
    )
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="recordings; - is standard input")
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="instead of NAME and FILE: DIR/<speaker name>/<recordings>; run it again at any time, what is enrolled is "
        "skipped",
    )
    parser.add_argument("--dry-run", action="store_true", help="with --folder: say what would be enrolled")
    add_enroll_options(parser)
    parser.set_defaults(run=run)


def add_enroll_options(parser: argparse.ArgumentParser) -> None:
    """Add --anyway, the consent and what every command over a store has."""
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="also recordings that do not sound like the speaker, or like each other; 'voiceprint undo' takes it back",
    )
    add_consent_options(parser)
    add_choice_options(parser)
    add_json_option(parser)
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    if args.folder is not None:
        from voiceprint.cli.enroll_folder import run_folder

        if args.name is not None:
            raise InputError("bad_option", "Give NAME and FILE, or --folder DIR, not both.")
        return run_folder(args)
    if not args.files:
        raise InputError("bad_option", "Give NAME and at least one FILE, or --folder DIR.")
    return _run_files(args)


def _run_files(args: argparse.Namespace) -> int:
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
            force=args.anyway,
            on_refusal=lambda *what: refused.append(what),
        )
        for path, error in refused:
            refuse(args, error, path)
        if outcome is not None:
            said = enrolled_message(outcome, service)
            print_json(said) if args.json else _tell(said)
    return 2 if refused else 0


def _tell(said: "Enrolled") -> None:
    print(
        f"{said.speaker.name}: {counted(said.enrollments, 'enrollment')}, {said.speech_seconds_total:.1f} s of speech"
    )
    for warning in said.warnings:
        print(f"  {warning.message}")
    for other in said.similar_speakers:
        print(f"  sounds like {other.speaker.name} (score {other.score:.2f}); if it is one person: voiceprint merge")
