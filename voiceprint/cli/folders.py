"""Folders of speakers, for the commands that measure and fit."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import add_models_option, complain, settings_from
from voiceprint.config import Settings

if TYPE_CHECKING:
    from voiceprint.encoding.encoder import Encoder
    from voiceprint.evaluation.samples import ClipEncoder, Sample

__all__ = ["add_clip_options", "clip_encoder_of", "hear_asked", "hear_folders", "open_clip_encoder"]


def add_clip_options(parser: argparse.ArgumentParser, *, folders: str = "+") -> None:
    """Add the folders (``folders``: how many, as argparse counts), a half of them, the encoder."""
    parser.add_argument("folders", nargs=folders, type=Path, metavar="DIR", help="DIR/<speaker>/<recordings>")
    parser.add_argument(
        "--half", type=int, choices=(0, 1), help="only this half of the speakers (told apart by a hash of the name)"
    )
    parser.add_argument(
        "--also",
        nargs="+",
        default=[],
        choices=("telephone", "noise", "room", "opus"),
        help="ask once more by telephone, in noise 10 dB below the speech, across a room, or through Opus at 16 kbit/s",
    )
    parser.add_argument("--encoder", metavar="ID", help="the encoder; the best that is there")
    add_models_option(parser)


def open_clip_encoder(args: argparse.Namespace) -> "ClipEncoder":
    """The encoder of the options with the speech detector. Raises SetupError."""
    from voiceprint.encoding.catalog import choose_encoder
    from voiceprint.service.factory import load_encoder

    settings = settings_from(args)
    return clip_encoder_of(load_encoder(choose_encoder(settings), settings), settings)


def clip_encoder_of(encoder: "Encoder", settings: Settings) -> "ClipEncoder":
    """An encoder with the speech detector, within the limits of the settings."""
    from voiceprint.audio.vad import VoiceActivity
    from voiceprint.evaluation.samples import ClipEncoder

    return ClipEncoder(encoder, VoiceActivity.load(), settings.max_audio_seconds, settings.max_upload_bytes)


def hear_folders(folders: Sequence[Path], clip_encoder: "ClipEncoder", **options: object) -> "list[Sample]":
    """All samples of the folders, with a progress bar; unusable recordings are one line each."""
    from tqdm import tqdm

    from voiceprint.evaluation.samples import collect

    with tqdm(unit="speaker", disable=None, file=sys.stderr) as bar:
        return collect(
            folders,
            clip_encoder,
            on_refusal=lambda path, error: complain(error, path),
            on_speaker=lambda _: bar.update(),
            **options,  # type: ignore[arg-type]
        )


def hear_asked(args: argparse.Namespace, clip_encoder: "ClipEncoder", *, unheard: bool = False) -> "list[Sample]":
    """The samples of the options' folders; with ``--also`` once more, over other channels.

    The copies are only probes, never enrolled. ``unheard``: with what was refused, see ``collect``.
    """
    from dataclasses import replace

    from voiceprint.audio.channel_simulation import CHANGES

    found = hear_folders(args.folders, clip_encoder, half=args.half, unheard=unheard)
    for name in args.also:
        heard = hear_folders(
            args.folders, clip_encoder, half=args.half, cut=False, unheard=unheard, change=CHANGES[name]
        )
        found.extend(replace(sample, condition=name) for sample in heard)
    return found
