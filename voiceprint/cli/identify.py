"""voiceprint identify FILE..., voiceprint verify NAME FILE"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import (
    add_choice_options,
    add_json_option,
    add_store_options,
    choice_from,
    print_json,
    refuse,
    shown,
)
from voiceprint.cli.store_common import open_service
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.api.messages import Result
    from voiceprint.service.results import Answer, EncodedUtterance
    from voiceprint.service.service import VoiceprintService

__all__ = ["add"]

# The exit code of an answer that is no name and no yes.
_NO = 1


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("identify", help="say who speaks in each recording")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recordings; - is standard input")
    parser.add_argument(
        "--top-k", type=int, metavar="N", help="how many candidates to list (none in text, 5 with --json)"
    )
    add_choice_options(parser)
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run_identify)

    parser = commands.add_parser("verify", help="say whether a recording is the speaker it is said to be")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("files", nargs=1, type=Path, metavar="FILE", help="a recording; - is standard input")
    add_choice_options(parser)
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run_verify)


def run_identify(args: argparse.Namespace) -> int:
    from voiceprint.domain.match import check_top_k

    top_k = 5 if args.top_k is None else check_top_k(args.top_k, called="--top-k")
    with open_service(args) as service:
        return _answer(args, service, lambda probe: service.identify(probe, top_k=top_k))


def run_verify(args: argparse.Namespace) -> int:
    with open_service(args) as service:
        claimed = service.named(args.name)
        return _answer(args, service, lambda voice: service.verify(claimed.id, voice))


def _answer(args: argparse.Namespace, service: "VoiceprintService", ask: "Callable[[EncodedUtterance], Answer]") -> int:
    from voiceprint.api.presenters import result_message
    from voiceprint.service.bulk import read_clip

    code = 0
    for path in args.files:
        try:
            _, recording = read_clip(service, path)
            started = time.monotonic()
            answer = ask(service.hear(recording, choice_from(args)))
            service.conclude(answer)
        except InputError as error:
            refuse(args, error, path)
            code = error.exit_code
            continue
        result = result_message(answer, service, latency_ms=(time.monotonic() - started) * 1000, final=True)
        code = max(code, 0 if result.status in ("identified", "accepted") else _NO)
        print_json(result, file=shown(path)) if args.json else _tell(args, path, result)
    return code


def _tell(args: argparse.Namespace, path: Path, result: "Result") -> None:
    print(f"{shown(path)}: {_in_words(result)}")
    for warning in result.warnings:
        print(f"  {warning.message}")
    for number, candidate in enumerate(result.candidates if vars(args).get("top_k") else (), start=1):
        print(f"  {number}. {candidate.speaker.name}, score {candidate.score:.2f}")


def _in_words(result: "Result") -> str:
    named = result.speaker.name if result.speaker is not None else result.status.replace("_", " ")
    if result.status in ("accepted", "identified"):
        named = f"{named} ({result.status})"
    score = "" if result.score is None else f", score {result.score:.2f} against {result.threshold:.2f}"
    return f"{named}{score}, {result.speech_seconds:.1f} s of speech: {result.rule}"
