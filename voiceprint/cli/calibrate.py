"""voiceprint calibrate DIR..., voiceprint calibrate --enrolled"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_data_option, add_json_option, print_json, settings_from
from voiceprint.cli.folders import add_clip_options, clip_encoder_of, hear_asked, hear_folders, open_clip_encoder
from voiceprint.cli.store_common import open_service
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.decision.calibration import Calibration
    from voiceprint.evaluation.samples import ClipEncoder, Sample

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("calibrate", help="fit scores, probabilities and thresholds to real speech")
    add_clip_options(parser, folders="*")
    parser.add_argument(
        "--enrolled",
        action="store_true",
        help="also from the enrolled voices of everybody who consented (takes of one sitting are more alike than a "
        "person is on another day, so people should have enrolled on several)",
    )
    add_data_option(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write ENCODER.json")
    add_json_option(parser)
    parser.set_defaults(run=run_calibrate)


def run_calibrate(args: argparse.Namespace) -> int:
    from msgspec import structs

    from voiceprint.audio.channel_simulation import CHANGES
    from voiceprint.decision.calibration import shipped_calibration
    from voiceprint.evaluation.fitting import fit

    if not args.folders and not args.enrolled:
        raise InputError("nothing_to_learn_from", "Give a folder of speakers, or --enrolled, or both.")
    clip_encoder, samples = _enrolled(args) if args.enrolled else (open_clip_encoder(args), [])
    samples += hear_asked(args, clip_encoder)
    telephone = hear_folders(args.folders, clip_encoder, half=args.half, cut=False, change=CHANGES["telephone"])
    shipped = shipped_calibration(clip_encoder.encoder.id, clip_encoder.encoder.fingerprint)
    calibration = fit(
        samples,
        telephone,
        encoder=clip_encoder.encoder.id,
        fingerprint=clip_encoder.encoder.fingerprint,
        channel=shipped.channel if shipped else None,
    )
    calibration = structs.replace(calibration, one_voice=_speaker_change_threshold(args, clip_encoder))
    path = calibration.save(args.out)
    if args.json:
        print_json(calibration)
    else:
        print(_in_words(calibration))
        print(f"Written: {path}")
    return 0


def _enrolled(args: argparse.Namespace) -> "tuple[ClipEncoder, list[Sample]]":
    """The store's encoder, and the enrollments of speakers with a consent.

    Raises SetupError, StoreError.
    """
    from voiceprint.evaluation.enrolled import enrolled_samples

    settings = settings_from(args)
    with open_service(args) as service:
        return clip_encoder_of(service.encoder, settings), list(enrolled_samples(service.speakers()))


def _speaker_change_threshold(args: argparse.Namespace, clip_encoder: "ClipEncoder") -> float | None:
    """The speaker change threshold: the homogeneity that all but a few recordings reach.

    With too few recordings, the shipped one.
    """
    from voiceprint.decision.calibration import shipped_calibration
    from voiceprint.evaluation.one_voice import speaker_change_threshold
    from voiceprint.evaluation.samples import long_speech

    # What cannot be used was named in the first pass.
    pieces = long_speech(args.folders, clip_encoder, half=args.half, on_refusal=lambda _path, _error: None)
    found = speaker_change_threshold(clip_encoder.encoder, pieces)
    if found is not None:
        return found
    shipped = shipped_calibration(clip_encoder.encoder.id, clip_encoder.encoder.fingerprint)
    return shipped.one_voice if shipped else None


def _in_words(calibration: "Calibration") -> str:
    evidence = calibration.evidence
    lines = [
        f"{evidence.speakers} speakers, {evidence.target_trials} target trials, {evidence.nontarget_trials} nontarget",
        f"Cllr {evidence.cllr:.3f}, with perfect calibration {evidence.cllr_min:.3f}",
    ]
    for size in (10, 100, 1000):
        missed = calibration.expected_fnir(calibration.threshold(size, 0.01))
        beyond = "" if size <= evidence.largest_gallery else ", extrapolated"
        lines.append(
            f"1 in 100 strangers named among {size}: {missed.value:.1%} of the enrolled are missed "
            f"({missed.low:.1%} to {missed.high:.1%}){beyond}"
        )
    return "\n".join(lines)
