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
    complain,
    open_service,
    print_json,
)
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.api.messages import Result
    from voiceprint.service.results import Answer, EncodedUtterance
    from voiceprint.service.service import VoiceprintService

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("identify", help="say who speaks in each recording")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--top-k", type=int, default=5, metavar="N", help="how many candidates to list (5)")
    add_choice_options(parser)
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run_identify)

    parser = commands.add_parser("verify", help="say whether a recording is the speaker it is said to be")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("files", nargs=1, type=Path, metavar="FILE")
    add_choice_options(parser)
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run_verify)


def run_identify(args: argparse.Namespace) -> int:
    from voiceprint.domain.match import check_top_k

    check_top_k(args.top_k, called="--top-k")
    with open_service(args) as service:
        return _answer(args, service, lambda voice: service.identify(voice, top_k=args.top_k))


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
            complain(error, path)
            code = error.exit_code
            continue
        result = result_message(answer, service, latency_ms=(time.monotonic() - started) * 1000, final=True)
        if args.json:
            print_json(result, file=str(path))
        else:
            print(f"{path}: {_in_words(result)}")
            for warning in result.warnings:
                print(f"  {warning.message}")
    return code


def _in_words(result: "Result") -> str:
    named = result.speaker.name if result.speaker is not None else result.status.replace("_", " ")
    if result.status in ("accepted", "identified"):
        named = f"{named} ({result.status})"
    score = "" if result.score is None else f", score {result.score:.2f} against {result.threshold:.2f}"
    return f"{named}{score}, {result.speech_seconds:.1f} s of speech: {result.rule}"
