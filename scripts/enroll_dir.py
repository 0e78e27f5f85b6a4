#!/usr/bin/env python3
"""Enroll a folder of speakers: DIR/<speaker name>/<any audio file>.

Run it again at any time: a recording that is enrolled already is skipped. One bad file never stops the rest.
Exit code 0 when everything is enrolled, 2 when something was skipped for a reason, 3 and 4 as the command line.
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from voiceprint.cli.common import add_json_option, add_store_options, open_service, print_json
from voiceprint.cli.consent import add_consent_options, consent_from
from voiceprint.errors import InputError, VoiceprintError
from voiceprint.service.bulk import AlreadyEnrolledError, Folder, enroll_folders, find_folders


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--dry-run", action="store_true", help="say what would be enrolled; change nothing")
    add_consent_options(parser)
    add_json_option(parser)
    add_store_options(parser)
    args = parser.parse_args()
    try:
        return run(args)
    except VoiceprintError as error:
        print(f"enroll_dir: {error.message}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("enroll_dir: interrupted; run it again to go on.", file=sys.stderr)
        return 130


def run(args: argparse.Namespace) -> int:
    tally = Statistics(args.json)
    consent = consent_from(args)
    folders = list(find_folders(args.folder, on_refusal=tally.refuse))
    if args.dry_run:
        for folder in folders:
            tally.would(folder)
    else:
        with open_service(args, make=True) as service:
            done = enroll_folders(service, folders, consent=consent, on_refusal=tally.refuse)
            for folder, outcome in tqdm(done, total=len(folders), unit="speaker", disable=None, file=sys.stderr):
                if outcome is not None:
                    tally.enrolled(folder, outcome.added, outcome.speech_seconds)
    tally.summary(dry_run=args.dry_run)
    return 2 if tally.refused else 0


class Statistics:
    """Counts, and one line for each speaker and each refusal."""

    def __init__(self, as_json: bool) -> None:
        self.json = as_json
        self.speakers = self.clips = self.known = 0
        self.speech_seconds = 0.0
        self.refused: list[tuple[Path, InputError]] = []

    def refuse(self, path: Path, error: InputError) -> None:
        if isinstance(error, AlreadyEnrolledError):
            self.known += 1
            return
        self.refused.append((path, error))
        tqdm.write(f"enroll_dir: {path}: {error.message}", file=sys.stderr)

    def enrolled(self, folder: Folder, added: int, speech_seconds: float) -> None:
        self.speakers += 1
        self.clips += added
        self.speech_seconds += speech_seconds
        if self.json:
            print_json({"speaker": folder.name, "enrolled": added, "speech_seconds": round(speech_seconds, 2)})

    def would(self, folder: Folder) -> None:
        self.speakers += 1
        self.clips += len(folder.files)
        if self.json:
            print_json({"speaker": folder.name, "would_enroll": len(folder.files)})

    def summary(self, *, dry_run: bool) -> None:
        counts = {
            "speakers": self.speakers,
            "recordings": self.clips,
            "speech_seconds": round(self.speech_seconds, 1),
            "already_enrolled": self.known,
            "skipped": len(self.refused),
        }
        if self.json:
            print_json({"summary": counts, "dry_run": dry_run})
            return
        print("would enroll" if dry_run else "enrolled" if self.clips else "nothing new to enroll")
        for name, count in counts.items():
            print(f"  {name.replace('_', ' '):<18}{count:>10}")


if __name__ == "__main__":
    sys.exit(main())
