#!/usr/bin/env python3
"""Enroll a folder of speakers: DIR/<speaker name>/<any audio file>. The same as ``voiceprint enroll --folder DIR``."""

import argparse
import sys
from pathlib import Path

from voiceprint.cli import run_command
from voiceprint.cli.enroll import add_enroll_options
from voiceprint.cli.enroll_folder import run_folder

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path, metavar="DIR")
parser.add_argument("--dry-run", action="store_true", help="say what would be enrolled; change nothing")
add_enroll_options(parser)
parser.set_defaults(run=run_folder)

if __name__ == "__main__":
    sys.exit(run_command(parser.parse_args()))
