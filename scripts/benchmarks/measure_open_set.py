"""Open-set identification rates on real speech, through the command line.

    python scripts/benchmarks measure_open_set DIR... [--json]

DIR is <speaker>/<clips>. Of the speakers with at least 4 clips every second one (by a hash of the name) is enrolled
with 3 of them; their other clips must be named, those of the others must not be. Works in a temporary folder with a
store and a key of its own, which is removed. Prints counts and rates with 95 % intervals (Wilson): rank1 (the right
speaker is the closest), fnir (an enrolled speaker is not named, or misnamed), fpir (an impostor is named).
"""

import argparse
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ENROLLED_CLIPS = 3
SCRIPTS = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        enrolled, probes = split(args.folders, work / "people")
        runs = [enroll(work), enroll(work)]
        answers = identify(work, list(probes))
    figures = {"enroll": runs[0], "enroll_again": runs[1], **count(answers, probes, enrolled)}
    print(json.dumps(figures, indent=None if args.json else 2))


def split(folders: list[Path], people: Path) -> tuple[set[str], dict[str, str]]:
    """The enrolled speakers, and the speaker of every other clip; clips to enroll are copied."""
    enrolled, probes = set(), {}
    for speaker in sorted(path for folder in folders for path in folder.iterdir() if path.is_dir()):
        clips = sorted(path for path in speaker.iterdir() if path.is_file())
        chosen = hashlib.sha256(speaker.name.encode()).digest()[0] % 2 == 0
        if len(clips) > ENROLLED_CLIPS and chosen:
            enrolled.add(speaker.name)
            (people / speaker.name).mkdir(parents=True)
            for clip in clips[:ENROLLED_CLIPS]:
                shutil.copy(clip, people / speaker.name / clip.name)
            clips = clips[ENROLLED_CLIPS:]
        probes.update({str(clip): speaker.name for clip in clips})
    return enrolled, probes


def enroll(work: Path) -> dict[str, Any]:
    done = run(work, [str(SCRIPTS / "enroll_dir.py"), str(work / "people"), "--json"])
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["summary"]
    return summary


def identify(work: Path, clips: list[str]) -> list[dict[str, Any]]:
    done = run(work, ["-m", "voiceprint", "identify", "--json", *clips])
    return [json.loads(line) for line in done.stdout.splitlines()]


def run(work: Path, command: list[str]) -> "subprocess.CompletedProcess[str]":
    environ = {"VOICEPRINT_DATA": str(work / "index"), "VOICEPRINT_KEY_FILE": str(work / "master.key")}
    done = subprocess.run(
        [sys.executable, *command], env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in (0, 2):
        raise SystemExit(done.returncode)
    return done


def count(answers: list[dict[str, Any]], probes: dict[str, str], enrolled: set[str]) -> dict[str, Any]:
    known: Counter[str] = Counter()
    strangers: Counter[str] = Counter()
    first = 0
    for answer in answers:
        speaker = probes[answer["file"]]
        if speaker in enrolled:
            first += bool(answer["candidates"]) and answer["candidates"][0]["speaker"]["name"] == speaker
            misnamed = answer["status"] == "identified" and answer["speaker"]["name"] != speaker
            known["misnamed" if misnamed else answer["status"]] += 1
        else:
            strangers[answer["status"]] += 1
    # Too little speech is an honest answer, not a miss: those clips are counted and left out of the rates.
    asked, others = known.total() - known["not_enough_speech"], strangers.total() - strangers["not_enough_speech"]
    return {
        "enrolled_speakers": len(enrolled),
        "clips_refused": len(probes) - len(answers),
        "enrolled_probes": dict(known),
        "stranger_probes": dict(strangers),
        "rank1": interval(first, known.total()),
        "fnir": interval(asked - known["identified"], asked),
        "fpir": interval(strangers["identified"], others),
    }


def interval(hits: int, trials: int) -> dict[str, float]:
    if not trials:
        return {"hits": hits, "trials": 0}
    z, share = 1.96, hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return {"hits": hits, "trials": trials, "value": round(share, 4), "low": round(low, 4), "high": round(high, 4)}
