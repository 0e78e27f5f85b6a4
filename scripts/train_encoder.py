#!/usr/bin/env python3
"""Train the compact encoder by distillation from CAM++: see scripts/training/README.md."""

import argparse
import os
import time
from pathlib import Path

from training.cache import build_shard, jobs
from training.data import list_clips


def cache(args: argparse.Namespace) -> None:
    from training.teacher import Teacher

    teacher = Teacher(args.work / "teacher")
    clips = [clip for root in args.speech for clip in list_clips(root)]
    for number, (corpus, variant) in enumerate(jobs(sorted({c.corpus for c in clips}))):
        folder = args.work / "cache" / f"{corpus}-{variant.name}"
        if number % args.parts != args.part or folder.exists():
            continue
        started = time.monotonic()
        chosen = [c for c in clips if c.corpus == corpus]
        count = build_shard(folder, chosen, variant, teacher, args.held)
        print(f"{folder.name}: {count} pieces in {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("cache")
    sub.add_argument("speech", type=Path, nargs="+")
    sub.add_argument("--held", type=float, default=0.05)
    sub.add_argument("--part", type=int, default=0)
    sub.add_argument("--parts", type=int, default=1)
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cache(args)


if __name__ == "__main__":
    main()
