"""voiceprint rename NAME|ID NEW, voiceprint group NAME|ID, voiceprint consent NAME|ID"""

import argparse
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_json_option, add_store_options, print_json
from voiceprint.cli.store_common import open_service
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.api.messages import SpeakerInfo
    from voiceprint.domain.speaker import StoredSpeaker
    from voiceprint.service.service import VoiceprintService

__all__ = ["add", "consent_sentence"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("rename", help="give a speaker another name")
    parser.add_argument("speaker", metavar="NAME|ID")
    parser.add_argument("name", metavar="NEW")
    _common(parser, run_rename)

    parser = commands.add_parser("group", help="show the groups of a speaker, or say which they are")
    parser.add_argument("speaker", metavar="NAME|ID")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="all of them; without any: only show them")
    parser.add_argument("--none", action="store_true", help="out of every group")
    _common(parser, run_group)

    parser = commands.add_parser("consent", help="show what a speaker agreed to, or note another consent")
    parser.add_argument("speaker", metavar="NAME|ID")
    parser.add_argument("purpose", nargs="?", metavar="PURPOSE", help="what the person agreed to, in words")
    parser.add_argument("--reference", metavar="TEXT", help="where you keep the agreement")
    parser.add_argument("--until", metavar="DAY", help="its last day, YYYY-MM-DD")
    _common(parser, run_consent)


def _common(parser: argparse.ArgumentParser, run: object) -> None:
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run)


def run_rename(args: argparse.Namespace) -> int:
    with open_service(args) as service:
        before = service.named(args.speaker)
        info = _told(args, service, service.rename(before.id, args.name))
    if not args.json:
        print(f"{before.name} is {info.name} now.")
    return 0


def run_group(args: argparse.Namespace) -> int:
    if args.groups and args.none:
        raise InputError("bad_option", "Give groups, or --none, not both.")
    with open_service(args) as service:
        speaker = service.named(args.speaker)
        if args.groups or args.none:
            speaker = service.set_groups(speaker.id, args.groups)
        info = _told(args, service, speaker)
    if not args.json:
        print(f"{info.name}: {', '.join(info.groups) or 'in no group'}")
    return 0


def run_consent(args: argparse.Namespace) -> int:
    from voiceprint.domain.vocabulary import Consent

    if args.purpose is None and (args.reference or args.until):
        raise InputError("bad_consent", "A consent needs its purpose: say what the person agreed to.")
    with open_service(args) as service:
        speaker = service.named(args.speaker)
        if args.purpose is not None:
            consent = Consent(purpose=args.purpose, reference=args.reference, expires=args.until)
            speaker = service.set_consent(speaker.id, consent)
        info = _told(args, service, speaker)
    if not args.json:
        print(f"{info.name}: {consent_sentence(info)}, kept until {info.kept_until}")
    return 0


def consent_sentence(info: "SpeakerInfo") -> str:
    """What was agreed to, when, and until when."""
    if info.consent is None:
        return "no consent on record"
    reference = f" ({info.consent.reference})" if info.consent.reference else ""
    until = f", until {info.consent.expires}" if info.consent.expires else ""
    return f"consent of {(info.consent_at or '')[:10]} to {info.consent.purpose!r}{reference}{until}"


def _told(args: argparse.Namespace, service: "VoiceprintService", speaker: "StoredSpeaker") -> "SpeakerInfo":
    """The speaker as on the wire, printed with --json."""
    from voiceprint.api.presenters import speaker_info

    info = speaker_info(speaker, service)
    if args.json:
        print_json(info)
    return info
