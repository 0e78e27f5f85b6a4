"""voiceprint takes NAME|ID, voiceprint merge NAME|ID OTHER, voiceprint undo"""

import argparse
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_json_option, add_store_options, counted, print_json
from voiceprint.cli.store_common import open_service
from voiceprint.errors import SpeakerError

if TYPE_CHECKING:
    from voiceprint.api.messages import ChangeInfo, GivenConsent, Merged, Takes

__all__ = ["add"]

_FITS = {"only": "the only one", "good": "fits well", "fair": "fits", "poor": "does not fit"}
_UNDONE = {
    "enrolled": "{0} is not enrolled any more",
    "updated": "what was added to {0} is out again ({takes})",
    "take_removed": "the recording taken out of {0} is back",
    "merged": "{0} and {1} are two entries again",
    "renamed": "{0} has the name from before",
    "grouped": "{0} is in the groups from before",
    "consent": "{0} has the consent from before",
}
_UNDOABLE = {
    "enrolled": "{0} was enrolled",
    "updated": "{takes} added to {0}",
    "take_removed": "a recording was taken out of {0}",
    "merged": "{1} was merged into {0}",
    "renamed": "{0} was renamed",
    "grouped": "the groups of {0} were changed",
    "consent": "the consent of {0} was changed",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("takes", help="list the recordings of a speaker and how they fit, or take one out")
    parser.add_argument("speaker", metavar="NAME|ID")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--remove", metavar="TAKE", help="take this recording out: its id, or the beginning of it")
    change.add_argument("--confirm", metavar="TAKE", help="let this recording, which waits for your word, decide too")
    _common(parser, run_takes)

    parser = commands.add_parser("merge", help="make one of two entries of one person")
    parser.add_argument("speaker", metavar="NAME|ID", help="the entry that stays, with its name")
    parser.add_argument("other", metavar="OTHER", help="the entry whose recordings go to it")
    parser.add_argument("--anyway", action="store_true", help="though the two do not sound alike")
    _common(parser, run_merge)

    parser = commands.add_parser("undo", help="undo the last change of speakers, within the hour; never an erasure")
    parser.add_argument("--show", action="store_true", help="only say what it would undo")
    _common(parser, run_undo)


def _common(parser: argparse.ArgumentParser, run: object) -> None:
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run)


def run_takes(args: argparse.Namespace) -> int:
    from voiceprint.api.change_presenters import takes_message

    with open_service(args) as service:
        speaker = service.named(args.speaker)
        waiting = [one.id for one in speaker.profile.pending]
        if args.remove is not None:
            service.remove_take(speaker.id, _take_id([*(one.id for one in speaker.enrollments), *waiting], args.remove))
        if args.confirm is not None:
            service.pending.confirm(speaker.id, _take_id(waiting, args.confirm))
        said = takes_message(service, speaker.id)
    print_json(said) if args.json else _tell_takes(said)
    return 0


def _take_id(known: list[str], given: str) -> str:
    """The one id that begins so."""
    found = [take_id for take_id in known if given and take_id.startswith(given)]
    if len(found) != 1:
        how = "no recording" if not found else "more than one recording"
        raise SpeakerError("unknown_enrollment", f"The speaker has {how} whose id begins with {given!r}.")
    return found[0]


def _tell_takes(said: "Takes") -> None:
    print(f"{said.speaker.name}: {counted(len(said.takes), 'recording')}")
    for take in said.takes:
        cosine = "" if take.consistency is None else f" ({take.consistency:.2f})"
        waits = ", waits for --confirm" if take.pending else ""
        print(
            f"  {take.id[:8]}  {take.enrolled_at[:10]}  {take.speech_seconds:5.1f} s  {_FITS[take.fit]}{cosine}{waits}"
        )


def run_merge(args: argparse.Namespace) -> int:
    from voiceprint.api.change_presenters import merged_message

    with open_service(args) as service:
        speaker, other = service.named(args.speaker), service.named(args.other)
        said = merged_message(service.merge(speaker.id, other.id, force=args.anyway), service)
    print_json(said) if args.json else _tell_merged(said)
    return 0


def _tell_merged(said: "Merged") -> None:
    takes = counted(said.speaker.enrollments, "enrollment")
    print(f"{said.speaker.name}: {takes}, {said.speaker.speech_seconds_total:.1f} s; one entry now")
    for given in said.consents:
        print(f"  {given.speaker.name}: {_consent(given)}")
    print("  of two consents the one that ends first stays; 'voiceprint undo' makes two entries again")


def _consent(given: "GivenConsent") -> str:
    if given.consent is None:
        return "no consent on record"
    until = f", until {given.consent.expires}" if given.consent.expires else ""
    return f"consent of {(given.consent_at or '')[:10]} to {given.consent.purpose!r}{until}"


def run_undo(args: argparse.Namespace) -> int:
    from voiceprint.api.change_presenters import change_info
    from voiceprint.api.messages import Undoable, Undone

    with open_service(args) as service:
        if args.show:
            last = service.last_change()
            change = None if last is None else change_info(last)
            print_json(Undoable(change=change)) if args.json else print(_undoable(change))
            return 0
        undone = change_info(service.undo())
    print_json(Undone(change=undone)) if args.json else print(f"Undone: {_sentence(_UNDONE, undone)}.")
    return 0


def _undoable(change: "ChangeInfo | None") -> str:
    if change is None:
        return "There is no change of the last hour that could be undone."
    return f"{_sentence(_UNDOABLE, change)} at {change.at}; can be undone until {change.until}"


def _sentence(sentences: dict[str, str], change: "ChangeInfo") -> str:
    names = [speaker.name for speaker in change.speakers]
    return sentences[change.event].format(*names, takes=counted(change.takes, "recording"))
