"""voiceprint evaluate DIR..."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_json_option, print_json, settings_from
from voiceprint.cli.folders import add_clip_options, hear_asked, open_clip_encoder

if TYPE_CHECKING:
    from voiceprint.decision.policy import Policy
    from voiceprint.evaluation.rates import Report
    from voiceprint.evaluation.samples import ClipEncoder, Sample

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("evaluate", help="measure how often it is right, on folders of speakers")
    add_clip_options(parser)
    parser.add_argument("--target-fpir", type=float, metavar="RATE", help="the promise to be tested (0.01)")
    parser.add_argument(
        "--calibration", type=Path, metavar="FILE", help="instead of the one that comes with the encoder"
    )
    parser.add_argument(
        "--compare",
        nargs="+",
        type=float,
        default=[0.25],
        metavar="COSINE",
        help="what a fixed threshold would have done (0.25)",
    )
    parser.add_argument("--plots", type=Path, metavar="OUT", help="write report.md and diagrams (PNG) there")
    add_json_option(parser)
    parser.set_defaults(run=run_evaluate)


def run_evaluate(args: argparse.Namespace) -> int:
    from voiceprint.evaluation.plots import check_plots, draw
    from voiceprint.evaluation.report import markdown

    if args.plots is not None:
        check_plots()
    clip_encoder = open_clip_encoder(args)
    samples = hear_asked(args, clip_encoder, unheard=True)
    policy = _policy(args, clip_encoder)
    report = _judge(args, clip_encoder, samples, policy)
    if args.plots is not None:
        args.plots.mkdir(parents=True, exist_ok=True)
        (args.plots / "report.md").write_text(markdown(report), encoding="utf-8")
        draw(args.plots, report, samples, policy.calibration)
    if args.json:
        print_json(report)
    else:
        print(markdown(report))
    return 0


def _policy(args: argparse.Namespace, clip_encoder: "ClipEncoder") -> "Policy":
    from voiceprint.decision.policy import Policy

    settings = settings_from(args)
    return Policy.for_encoder(
        clip_encoder.encoder.id,
        clip_encoder.encoder.fingerprint,
        min_speech_seconds=settings.min_identify_speech_seconds,
        target_fpir=settings.target_fpir,
        calibration_file=settings.calibration,
    )


def _judge(
    args: argparse.Namespace, clip_encoder: "ClipEncoder", samples: "list[Sample]", policy: "Policy"
) -> "Report":
    from voiceprint.decision.policy import BARE_THRESHOLD
    from voiceprint.evaluation.rates import evaluate

    return evaluate(
        samples,
        encoder=clip_encoder.encoder.id,
        calibration=policy.calibration,
        bare_threshold=BARE_THRESHOLD,
        target_fpir=policy.target_fpir,
        fixed_thresholds=args.compare,
    )
