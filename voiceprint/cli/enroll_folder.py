"""voiceprint enroll --folder DIR: many speakers at once, and who has no voiceprint, and why."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from voiceprint.cli.common import choice_from, counted, print_json, shown
from voiceprint.cli.consent import consent_from
from voiceprint.cli.store_common import open_service
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.domain.speaker import StoredSpeaker
    from voiceprint.service.bulk import Folder
    from voiceprint.service.results import EnrollmentOutcome
    from voiceprint.service.service import VoiceprintService

__all__ = ["run_folder"]


def run_folder(args: argparse.Namespace) -> int:
    from voiceprint.service.bulk import find_folders

    report = _Report(args.folder, as_json=args.json)
    consent = consent_from(args)
    folders = list(find_folders(args.folder, on_refusal=report.refuse))
    if args.dry_run:
        for folder in folders:
            report.would_enroll(folder)
    else:
        from tqdm import tqdm

        from voiceprint.service.bulk import enroll_folders

        with open_service(args, make=True) as service:
            options = {"consent": consent, "force": args.anyway, "choice": choice_from(args)}
            done = enroll_folders(service, folders, on_refusal=report.refuse, **options)
            for folder, outcome in tqdm(done, total=len(folders), unit="speaker", disable=None, file=sys.stderr):
                if outcome is not None:
                    report.enrolled(folder, outcome, service)
            report.missing(service)
    report.summary(dry_run=args.dry_run)
    return 2 if report.refusals else 0


class _Report:
    """Counts; one line for each speaker and each refusal; at the end who has no voiceprint."""

    def __init__(self, root: Path, *, as_json: bool) -> None:
        self._root = root
        self._json = as_json
        self._speakers = self._recordings = self._known = self._missing = 0
        self._speech_seconds = 0.0
        self.refusals: list[tuple[Path, InputError]] = []

    def refuse(self, path: Path, error: InputError) -> None:
        """A recording or a folder that was not usable; one that is enrolled already is only counted."""
        from tqdm import tqdm

        from voiceprint.service.bulk import AlreadyEnrolledError

        if isinstance(error, AlreadyEnrolledError):
            self._known += 1
            return
        self.refusals.append((path, error))
        tqdm.write(f"voiceprint: {shown(path)}: {error.message}", file=sys.stderr)

    def enrolled(self, folder: "Folder", outcome: "EnrollmentOutcome", service: "VoiceprintService") -> None:
        """A speaker who was enrolled, and the enrolled speakers who sound alike."""
        self._count(outcome.added, outcome.speech_seconds)
        alike = [other.name for match in outcome.similar if (other := service.get(match.speaker_id)) is not None]
        if self._json:
            seconds = round(outcome.speech_seconds, 2)
            print_json(
                {"speaker": folder.name, "enrolled": outcome.added, "speech_seconds": seconds, "sounds_like": alike}
            )
        elif alike:
            print(f"{folder.name} sounds like {', '.join(alike)}; if it is one person: voiceprint merge")

    def would_enroll(self, folder: "Folder") -> None:
        self._count(len(folder.files), 0.0)
        if self._json:
            print_json({"speaker": folder.name, "would_enroll": len(folder.files)})

    def missing(self, service: "VoiceprintService") -> None:
        """Name the speakers of the folder without a voiceprint, with each reason."""
        for name, reasons in self._by_name().items():
            if _is_enrolled(service.find(name)):
                continue
            self._missing += 1
            if self._json:
                said = [{"file": shown(path), "code": error.code, "message": error.message} for path, error in reasons]
                print_json({"no_voiceprint": name, "why": said})
            else:
                print(f"no voiceprint: {name}: {'; '.join(self._sentences(reasons))}")

    def summary(self, *, dry_run: bool) -> None:
        counts = {
            "speakers": self._speakers,
            "recordings": self._recordings,
            "speech_seconds": round(self._speech_seconds, 1),
            "already_enrolled": self._known,
            "skipped": len(self.refusals),
            "without_voiceprint": self._missing,
        }
        if self._json:
            print_json({"summary": counts, "dry_run": dry_run})
            return
        print("would enroll" if dry_run else "enrolled" if self._recordings else "nothing new to enroll")
        for name, count in counts.items():
            print(f"  {name.replace('_', ' '):<18}{count:>10}")

    # Inside

    def _count(self, recordings: int, speech_seconds: float) -> None:
        self._speakers += 1
        self._recordings += recordings
        self._speech_seconds += speech_seconds

    def _by_name(self) -> dict[str, list[tuple[Path, InputError]]]:
        """Refusals by the folder below the root; what lies beside the folders belongs to no speaker."""
        found: dict[str, list[tuple[Path, InputError]]] = {}
        for path, error in self.refusals:
            if error.code not in ("not_a_folder", "same_name"):
                name = path.relative_to(self._root).parts[0]
                found.setdefault(shown(name), []).append((path, error))
        return found

    def _sentences(self, reasons: list[tuple[Path, InputError]]) -> Iterator[str]:
        """Each reason once, with its file or the number of files."""
        by_sentence: dict[str, list[Path]] = {}
        for path, error in reasons:
            by_sentence.setdefault(error.message, []).append(path)
        for sentence, paths in by_sentence.items():
            files = [path for path in paths if path.parent != self._root]
            where = shown(files[0].name) if len(files) == 1 else counted(len(files), "recording")
            yield f"{where}: {sentence}" if files else sentence


def _is_enrolled(speaker: "StoredSpeaker | None") -> bool:
    return speaker is not None and not speaker.pending_reenrollment
