"""Failure to acquire and failure to enroll, three recordings of each speaker.

    python scripts/benchmarks acquisition DIR... [--encoder ID] [--models DIR]

DIR is <speaker>/<recordings>. Works in a temporary folder with a store and a key of its own, which is removed.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from voiceprint.config import load_settings
from voiceprint.decision.intervals import Interval
from voiceprint.evaluation.acquisition import Acquisition, measure_acquisition, some_takes
from voiceprint.service.factory import open_service


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--takes", type=int, default=3, metavar="N", help="recordings of each speaker (3)")
    parser.add_argument("--encoder", metavar="ID")
    parser.add_argument("--models", type=Path, metavar="DIR")
    args = parser.parse_args()
    for folder in args.folders:
        with tempfile.TemporaryDirectory() as place:
            settings = load_settings({"data": Path(place) / "index", "encoder": args.encoder, "models": args.models})
            environ = {"VOICEPRINT_KEY_FILE": f"{place}/master.key"}
            with open_service(settings, environ=environ) as service:
                found = measure_acquisition(service, some_takes(folder, takes=args.takes))
                print(json.dumps({"encoder": service.encoder.id, "folder": folder.name, **figures(found)}), flush=True)
    return 0


def figures(found: Acquisition) -> dict[str, object]:
    return {
        "speakers": found.speakers,
        "recordings": found.recordings,
        "failure_to_acquire": _shown(found.failure_to_acquire),
        "failure_to_enroll": _shown(found.failure_to_enroll),
        "refused": dict(found.refused),
        "without": sorted(found.without.values()),
    }


def _shown(rate: Interval) -> str:
    return f"{rate.value:.2%} ({rate.low:.2%} to {rate.high:.2%})"


if __name__ == "__main__":
    sys.exit(main())
