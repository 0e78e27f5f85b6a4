"""voiceprint evaluate-timeline DIR"""

import argparse
from dataclasses import asdict
from pathlib import Path

from voiceprint.cli.common import add_json_option, add_store_options, print_json
from voiceprint.cli.store_common import open_service
from voiceprint.cli.timeline import timeline_of

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("evaluate-timeline", help="measure timelines, on recordings with an RTTM beside each")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument(
        "--uem", type=Path, metavar="FILE", help="which stretches are annotated: name, channel, from, to"
    )
    add_json_option(parser)
    add_store_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from voiceprint.evaluation.timelines import LabelledTurn, TimelineScorer, recordings_with_rttm

    with open_service(args) as service:
        scorer = TimelineScorer([speaker.name for speaker in service.speakers()], args.uem)
        for audio, rttm in recordings_with_rttm(args.folder):
            found = timeline_of(service, audio)
            turns = [
                LabelledTurn(one.start_seconds, one.end_seconds, one.label, bool(one.speaker)) for one in found.turns
            ]
            scorer.add(rttm, turns, found.audio_seconds)
    scores = scorer.scores()
    if args.json:
        print_json(asdict(scores))
        return 0
    print(f"{scores.recordings} recordings, {scores.speech_seconds:.0f} s of speech, overlap counted")
    print(
        f"DER {scores.der:.1%} with a collar of 0.25 s (missed {scores.missed:.1%}, false alarms "
        f"{scores.false_alarm:.1%}, confusion {scores.confusion:.1%}); {scores.der_strict:.1%} without "
        f"(missed {scores.missed_strict:.1%}); JER {scores.jer:.1%}"
    )
    print(
        f"under a wrong name: {scores.wrong_name:.2%} of all speech, {scores.strangers_named:.2%} of strangers'; "
        f"enrolled speakers not named: {scores.unnamed:.1%} of theirs"
    )
    print(f"strangers: {scores.strangers}, merged {scores.strangers_merged}, split {scores.strangers_split}")
    return 0
